// Asks the kernel and the loader themselves: each program is started up to its entry point.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../support/compile.js";

export interface Started {
  /** "started", or how it ended before its entry point: "exec ERRNO", "exit STATUS", "signal NUMBER". */
  how: string;
  /** What it, or the loader, wrote. */
  said: string;
}

/** Compiles `starter` into a directory. */
export function compileStarter(directory: string, ...options: string[]): string {
  const source = readFileSync(new URL("starter.c", import.meta.url), "utf8");
  return compile(join(directory, "starter"), source, "-O1", ...options);
}

/** One answer for each of that many paths. */
export function parseStarted(output: string, paths: number): Started[] {
  const lines = output.split("\n").filter((line) => line !== "");
  if (lines.length !== paths) throw new Error(`the starter has failed:\n${output}`);
  return lines.map((line) => {
    const [how = "", said = ""] = line.split("\t");
    return { how, said: said.trim() };
  });
}

/** Compiles it, and starts programs of this machine with it. */
export function makeStarter(directory: string): (paths: readonly string[]) => Started[] {
  const program = compileStarter(directory);
  return (paths) => {
    const { stdout } = spawnSync(program, {
      input: paths.map((path) => `${path}\n`).join(""),
      encoding: "utf8",
      env: { PATH: process.env.PATH },
      maxBuffer: 1 << 28,
    });
    return parseStarted(stdout, paths.length);
  };
}
