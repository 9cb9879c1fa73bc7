import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { CodeCache } from "../lib/cli/code_cache.js";
import { scratchDirectory } from "./support/scratch.js";

const require = createRequire(import.meta.url);
const scratch = scratchDirectory();
const folder = join(scratch, "folder");
const caches = join(scratch, "caches");

const wrapped = (code: string) =>
  `(function (exports, require, module, __filename, __dirname) {${code}\n});`;

/** Two files that import each other, one of Node's modules, and one that throws. */
const files = {
  "main.cjs": wrapped(`"use strict"; exports.early = 1; const other = require("./other.cjs");
    exports.seen = other.seen; exports.base = require("node:path").basename(__filename);
    exports.folder = __dirname; exports.same = require("./other.cjs") === other;
    exports.thrown = () => require("./thrown.cjs");`),
  "other.cjs": wrapped(`exports.seen = require("./main.cjs").early;`),
  "thrown.cjs": wrapped(`\n  throw new Error("here");`),
};

interface Main {
  thrown(): unknown;
}

const load = (cache: CodeCache) => cache.load(folder, "main.cjs", require) as Main;

function forget(): void {
  for (const name of Object.keys(files)) delete require.cache[join(folder, name)];
}

describe("a code cache", () => {
  beforeEach(() => {
    forget();
    for (const directory of [folder, caches]) {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  });

  it.each(["none", "saved", "cut short", "of another source", "of another V8"])(
    "loads as Node does, with code: %s",
    (state) => {
      if (state !== "none") {
        const cache = new CodeCache(caches);
        load(cache);
        cache.save();
        forget();
        const [own] = readdirSync(caches) as [string];
        const kept = readdirSync(join(caches, own));
        expect(kept.sort()).toEqual(["main.cjs", "other.cjs"]);
        if (state === "cut short")
          for (const name of kept) {
            const file = join(caches, own, name);
            writeFileSync(file, readFileSync(file).subarray(0, -100));
          }
        if (state === "of another V8") renameSync(join(caches, own), join(caches, "1.2.3-vax"));
      }
      if (state === "of another source")
        writeFileSync(join(folder, "other.cjs"), `${files["other.cjs"]} // longer`);
      const main = load(new CodeCache(caches));
      expect(main).toMatchObject({ early: 1, seen: 1, base: "main.cjs", folder, same: true });
    },
  );

  it("keeps lines and columns as they are in the files", () => {
    const main = load(new CodeCache(caches));
    expect(() => main.thrown()).toThrow(
      expect.objectContaining({ stack: expect.stringContaining(`${folder}/thrown.cjs:2:9`) }),
    );
  });
});
