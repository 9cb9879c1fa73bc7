// The commands in CONTRIBUTING.md: the short ones are run here, the long ones are those that
// test/all runs.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import packageManifest from "../package.json" with { type: "json" };
import { needs } from "./support/needs.js";

const checkout = dirname(import.meta.dirname);
const text = (name: string) => readFileSync(join(checkout, name), "utf8");

const blocks = [...text("CONTRIBUTING.md").matchAll(/^```sh( long)?\n(.*?)^```$/gms)];
const commands = (long: boolean) =>
  blocks
    .filter(([, isLong]) => (isLong !== undefined) === long)
    .flatMap(([, , lines = ""]) => lines.trimEnd().split("\n"))
    .map((line) => line.replace(/ +# .*/, ""));

describe("CONTRIBUTING.md", () => {
  // As from a shell, not from within a test.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CI|VITEST|NODE_ENV|FIXELF_)/.test(name)),
  );

  // test/all is a bash script.
  const options = needs("bash");
  it.each(commands(false))("%s", options, (command) => {
    const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", command], {
      cwd: checkout,
      env: environment,
      encoding: "utf8",
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  it.each(commands(true))("%s is run by test/all", (command) => {
    expect(ranByAll()).toContain(command);
  });
});

/** test/all itself, and the npm commands of its stages with all that those run in turn. */
function ranByAll(): Set<string> {
  const scripts: Partial<Record<string, string>> = packageManifest.scripts;
  const ran = new Set(["test/all"]);
  const follow = (commands: string) => {
    for (const [command, name] of commands.matchAll(/npm (?:run )?([a-z:]+)/g)) {
      if (ran.has(command) || name === undefined) continue;
      ran.add(command);
      follow((name === "cit" ? scripts.prepare : scripts[name]) ?? "");
    }
  };
  const stages = /-- the stages -+\n(.*?)\n# --/s.exec(text("test/all"))?.[1] ?? "";
  follow(stages.replace(/^ *#.*/gm, ""));
  return ran;
}
