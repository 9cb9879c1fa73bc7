// What each command does if its output cannot be written, or is no longer read.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const program = join(directory, "program");

/** In a shell, where "$@" is the command line. */
const shell = (script: string, ...words: string[]) =>
  run(["/bin/sh", "-c", script, "sh", ...commandLine, ...words]);

const commands = [
  ["--help"],
  ["--version"],
  ["scan", "--help"],
  ["auto-patchelf", "--help"],
  ["doctor", program],
  ["doctor", "--json", program],
  ["inspect", program],
  ["scan", program],
  ["scan", "--json", program],
  ["scan", "--format", "arrow", program],
  ["scan", "--summary", program],
  ["tree", program],
  ["env", "--json", program],
];

describe("a command", needs("gcc"), () => {
  beforeAll(() => {
    compile(program, "int main(void) { return 0; }");
    writeFileSync(join(directory, "text"), "");
  });

  it.each(commands)("whose output meets a full disk reports it: %s %s %s %s", (...words) => {
    const { code, stdout, stderr } = shell('"$@" >/dev/full', ...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("fixelf: standard output: ENOSPC: no space left on device, write\n");
  });

  it.each(commands)("whose reader has gone ends quietly: %s %s %s %s", (...words) => {
    // The reader is gone before anything is written.
    const { code, stderr } = shell('{ sleep 0.2; "$@"; echo $? >&2; } | :', ...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "0\n" });
  });

  it.each([
    ["doctor", join(directory, "none")],
    ["doctor", "--unknown"],
    ["fix", join(directory, "text")],
  ])("that cannot even report why has the same exit code: %s %s", (...words) => {
    const { code } = run([...commandLine, ...words]);
    expect(code).not.toBe(0);
    expect(shell('"$@" 2>/dev/full', ...words).code).toBe(code);
  });
});
