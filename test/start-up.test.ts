// What a doctor of one program loads: the start is most of its time, and each module that Node has to compile for it,
// its own ones too, is a part of that.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

/** Writes down, as the process ends, what was loaded. */
const recorder = `
  const { writeFileSync } = require("node:fs");
  process.on("exit", () => {
    const { mainModule, moduleLoadList } = process;
    const own = mainModule === undefined ? [] : Object.keys(require.cache);
    writeFileSync(process.env.LOADED, JSON.stringify({ own, builtin: moduleLoadList }));
  });`;

describe("the start of doctor", needs("gcc"), () => {
  let program: string;
  beforeAll(() => {
    program = compile(at("program"), "int main(void) { return 0; }");
    writeFileSync(at("recorder.cjs"), recorder);
  });

  function loadedBy(words: readonly string[]): { own: string[]; builtin: string[] } {
    const env = { LOADED: at("loaded.json"), NODE_OPTIONS: `--require=${at("recorder.cjs")}` };
    expect(run(words, { env }).code).toBe(0);
    return JSON.parse(readFileSync(at("loaded.json"), "utf8"));
  }

  it("loads no more than a healthy program needs", () => {
    const least = new Set(loadedBy([...commandLine.slice(0, -1), "-e", "0"]).builtin);
    const { own, builtin } = loadedBy([...commandLine, "doctor", program]);
    const ownFiles = own.map((path) => basename(path)).filter((name) => name.endsWith(".cjs"));
    expect(ownFiles.sort()).toEqual([
      "at_once.cjs",
      "base.cjs",
      "doctor.cjs",
      "main.cjs",
      "recorder.cjs",
      "rolldown-runtime.cjs",
    ]);
    const long = /\b(fs\/promises|net|perf\w*|readline|streams?|tty)\b/;
    expect(builtin.filter((name) => long.test(name) && !least.has(name))).toEqual([]);
  });
});

it("no file of the command line needs itself on the way", () => {
  const chunks = join(dirname(commandLine.at(-1) as string), "chunks");
  // Not what is loaded later: `() => require("…")`.
  const loads = /(?<!=>\s*)\brequire\("\.\/([\w-]+\.cjs)"\)/g;
  const needs = new Map(
    readdirSync(chunks).map((name) => {
      const text = readFileSync(join(chunks, name), "utf8");
      return [name, [...text.matchAll(loads)].map(([, needed]) => needed as string)] as const;
    }),
  );
  expect([...needs.values()].flat().length).toBeGreaterThan(100);
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]) => {
    if (above.includes(name)) circles.push([...above, name].join(" > "));
    else if (!done.has(name))
      for (const each of needs.get(name) ?? []) visit(each, [...above, name]);
    done.add(name);
  };
  for (const name of needs.keys()) visit(name, []);
  expect(circles).toEqual([]);
});
