// What each command does if its output cannot be written, or is no longer read.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
/** Runs a shell script in which `"$@"` is the command line. */
const shell = (script: string, command: string) =>
  run(["/bin/sh", "-c", script, "sh", ...commandLine, ...command.split(" ")], { cwd: directory });

const commands = [
  "--help",
  "--version",
  "scan --help",
  "auto-patchelf --help",
  "doctor program",
  "doctor --json program",
  "inspect program",
  "scan program",
  "scan --json program",
  "scan --format arrow program",
  "scan --summary program",
  "scan --output /dev/stdout program",
  "tree program",
  "env --json program",
];

describe("a command", needs("gcc"), () => {
  beforeAll(() => {
    compile(join(directory, "program"), "int main(void) { return 0; }");
    writeFileSync(join(directory, "text"), "");
  });

  it.each(commands)("whose output meets a full disk reports it: %s", (command) => {
    const { code, stdout, stderr } = shell('"$@" >/dev/full', command);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const name = command.includes("/dev/stdout") ? "/dev/stdout" : "standard output";
    expect(stderr).toBe(`fixelf: ${name}: ENOSPC: no space left on device, write\n`);
  });

  it.each(commands)("whose reader has gone ends quietly: %s", (command) => {
    // The reader is gone before anything is written.
    const { code, stderr } = shell('{ sleep 0.2; "$@"; echo $? >&2; } | :', command);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "0\n" });
  });

  it.each(["doctor none", "doctor --unknown", "fix text"])(
    "that cannot even report why has the same exit code: %s",
    (command) => {
      const { code } = shell('"$@"', command);
      expect(code).not.toBe(0);
      expect(shell('"$@" 2>/dev/full', command).code).toBe(code);
    },
  );
});
