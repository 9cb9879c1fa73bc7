// Nix's commands when waiting for them is the point: their messages are shown on the way, and they can be ended.
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { FixelfError } from "../base/errors.js";

export interface NixRun {
  signal?: AbortSignal | undefined;
  /** Whether Nix's progress messages go to stderr. */
  shown?: boolean | undefined;
}

interface Ended {
  stdout: string;
  stderr: string;
}

/** What Nix prints besides the failure: warnings, and the lines of an expression that it quotes. */
const notTold = /^(warning:|\d*\|\s|at «|\(use '--show-trace')/;

/** How many of Nix's last lines go into an error. */
const mostTold = 4;

/** What a command prints. @throws FixelfError as `runNix` */
export async function capture(
  tool: string,
  words: readonly string[],
  run: NixRun,
): Promise<string> {
  return (await runNix(tool, words, { ...run, shown: false })).stdout;
}

/** @throws FixelfError `unsupported` if Nix is not installed, `cancelled`, `io` if it fails */
export function runNix(
  tool: string,
  words: readonly string[],
  { signal, shown = false }: NixRun,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const cancelled = () =>
      new FixelfError("cancelled", `cancelled while ${tool} was at work`, {
        cause: signal?.reason,
      });
    if (signal?.aborted) return reject(cancelled());
    const child = spawn(tool, words, {
      stdio: ["ignore", "pipe", shown ? "inherit" : "pipe"],
      env: { ...process.env, LC_ALL: "C" },
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const end = () => child.kill("SIGTERM");
    signal?.addEventListener("abort", end);
    child.on("error", (cause: NodeJS.ErrnoException) => {
      signal?.removeEventListener("abort", end);
      const message =
        cause.code === "ENOENT"
          ? `${tool} is not installed: --get takes packages from nixpkgs by Nix`
          : `${tool} cannot be started (${cause.code})`;
      reject(new FixelfError(cause.code === "ENOENT" ? "unsupported" : "io", message, { cause }));
    });
    child.on("close", (code) => {
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) return reject(cancelled());
      if (code === 0) return resolve({ stdout, stderr });
      const told = stripVTControlCharacters(stderr)
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "" && !notTold.test(line))
        .slice(-mostTold)
        .join("; ");
      reject(new FixelfError("io", `${tool} failed${told === "" ? "" : `: ${told}`}`));
    });
  });
}
