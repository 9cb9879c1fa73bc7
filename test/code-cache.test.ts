import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { CodeCache } from "../lib/cli/code_cache.js";
import { scratchDirectory } from "./support/scratch.js";

const require = createRequire(import.meta.url);
const scratch = scratchDirectory();
const folder = join(scratch, "folder");
const caches = join(scratch, "caches");

/** Two files that import each other, one of Node's modules, and one that throws. */
const files = {
  "main.cjs": `"use strict"; exports.early = 1; const other = require("./other.cjs");
    exports.seen = other.seen; exports.base = require("node:path").basename(__filename);
    exports.folder = __dirname; exports.same = require("./other.cjs") === other;
    exports.thrown = () => require("./thrown.cjs"); exports.late = () => require("./late.cjs");`,
  "other.cjs": `exports.seen = require("./main.cjs").early;`,
  "late.cjs": `exports.main = require("./main.cjs"); exports.os = () => import("node:os");`,
  "thrown.cjs": `throw new Error("here");`,
};

interface Main {
  thrown(): unknown;
  late(): { main: Main; os(): Promise<typeof import("node:os")> };
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

  it("is missing if nothing was kept for this V8", () => {
    expect(CodeCache.ofThisNode(caches)).toBeNull();
    mkdirSync(join(caches, "1.2.3-vax"));
    expect(CodeCache.ofThisNode(caches)).toBeNull();
  });

  it.each(["empty", "filled", "cut short", "of another source"])(
    "loads as Node does, %s",
    async (state) => {
      const cache = CodeCache.create(caches);
      if (state !== "empty") {
        load(cache);
        cache.save();
      }
      const [own] = readdirSync(caches) as [string];
      const kept = readdirSync(join(caches, own));
      expect(kept.sort()).toEqual(state === "empty" ? [] : ["main.cjs", "other.cjs"]);
      if (state === "cut short")
        for (const name of kept) {
          const file = join(caches, own, name);
          writeFileSync(file, readFileSync(file).subarray(0, -100));
        }
      if (state === "of another source")
        writeFileSync(join(folder, "other.cjs"), `${files["other.cjs"]} // longer`);
      const main = load(CodeCache.ofThisNode(caches) as CodeCache);
      expect(main).toMatchObject({ early: 1, seen: 1, base: "main.cjs", folder, same: true });
      // This one is left to Node, with what it needs.
      const late = main.late();
      expect(late.main).toBe(main);
      expect((await late.os()).platform()).toBe("linux");
    },
  );

  it("keeps lines and columns as they are in the files", () => {
    const place = (call: () => unknown) => {
      try {
        return call();
      } catch (failure) {
        return /thrown\.cjs:\d+:\d+/.exec((failure as Error).stack ?? "")?.[0];
      }
    };
    const ofNode = place(() => require(join(folder, "thrown.cjs")));
    expect(ofNode).toMatch(/^thrown\.cjs:1:7$/);
    forget();
    expect(place(() => load(CodeCache.create(caches)).thrown())).toBe(ofNode);
  });
});
