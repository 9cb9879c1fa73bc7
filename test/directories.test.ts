// mkdir -p, also where Node's own does not end.
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeDirectories } from "../lib/base/directories.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (path: string) => join(directory, path);

it("makes what is missing, with the mode, and is content with what is there", () => {
  mkdirSync(at("one"), { mode: 0o755 });
  for (let times = 0; times < 2; times++) makeDirectories(at("one/two/three"), 0o700);
  const modes = ["one", "one/two", "one/two/three"].map((path) => statSync(at(path)).mode & 0o777);
  expect(modes).toEqual([0o755, 0o700, 0o700]);
  symlinkSync("one", at("link"));
  makeDirectories(at("link/four"));
  expect(statSync(at("one/four")).isDirectory()).toBe(true);
});

it("fails where nothing can be made, also in a directory that says it is missing", () => {
  writeFileSync(at("file"), "");
  symlinkSync("nowhere", at("dangling"));
  for (const [path, code] of [
    [at("file"), "EEXIST"],
    [at("file/below"), "ENOTDIR"],
    [at("dangling/below"), "EEXIST"],
    ["/proc/none", "ENOENT"],
    ["/proc/none/below/that", "ENOENT"],
  ] as const)
    expect(() => makeDirectories(path)).toThrow(expect.objectContaining({ code }));
});
