// mkdir -p for a directory that a user has named.
import { closeSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (path: string) => join(directory, path);
const make = (path: string) => closeSync(native.makeDirectory(path));

it("creates what is missing, and accepts what exists", () => {
  mkdirSync(at("one"), { mode: 0o755 });
  for (let times = 0; times < 2; times++) native.makeOwnDirectory(at("one/two//three/"));
  const modes = ["one", "one/two", "one/two/three"].map((path) => statSync(at(path)).mode & 0o777);
  expect(modes).toEqual([0o755, 0o700, 0o700]);
  symlinkSync("one", at("link"));
  make(at("link/four"));
  expect(statSync(at("one/four")).isDirectory()).toBe(true);
  make("/");
});

it("fails where nothing can be created, even in a directory that claims it is missing", () => {
  writeFileSync(at("file"), "");
  symlinkSync("nowhere", at("dangling"));
  for (const path of [
    at("file"),
    at("file/below"),
    at("dangling/below"),
    "/proc/none",
    "/proc/none/below/that",
  ])
    expect(() => make(path), path).toThrow(/^cannot (make|open) the (directory|file)/);
});
