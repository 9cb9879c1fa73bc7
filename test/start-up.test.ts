// What a doctor of one program loads: starting takes most of its time, and part of that is each module that Node has to
// compile for it, including its own.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

/** Records, as the process ends, what was loaded, and whether V8 accepted the code that was compiled before. */
const recorder = `
  const { writeFileSync } = require("node:fs");
  const vm = require("node:vm");
  const scripts = [];
  vm.Script = class extends vm.Script {
    constructor(source, options) {
      super(source, options);
      scripts.push({ file: options.filename, rejected: this.cachedDataRejected });
    }
  };
  process.on("exit", () => {
    writeFileSync(process.env.LOADED, JSON.stringify({ scripts, builtin: process.moduleLoadList }));
  });`;

interface Loaded {
  /** `rejected` is missing if there was no code to accept. */
  scripts: { file: string; rejected?: boolean }[];
  builtin: string[];
}

describe("the start of doctor", needs("gcc"), () => {
  let program: string;
  beforeAll(() => {
    program = compile(at("program"), "int main(void) { return 0; }");
    writeFileSync(at("recorder.cjs"), recorder);
  });

  function loadedBy(words: readonly string[], flags = ""): Loaded {
    const env = {
      LOADED: at("loaded.json"),
      NODE_OPTIONS: `--require=${at("recorder.cjs")} ${flags}`,
    };
    expect(run(words, { env }).code).toBe(0);
    return JSON.parse(readFileSync(at("loaded.json"), "utf8"));
  }

  it("loads no more than a healthy program needs", () => {
    const least = new Set(loadedBy([...commandLine.slice(0, -1), "-e", "0"]).builtin);
    const { scripts, builtin } = loadedBy([...commandLine, "doctor", program]);
    expect(scripts.map(({ file }) => basename(file)).sort()).toEqual([
      "at_once.cjs",
      "base.cjs",
      "doctor.cjs",
      "main.cjs",
      "rolldown-runtime.cjs",
    ]);
    const long = /\b(crypto|esm\/loader|fs\/promises|net|perf\w*|readline|streams?|tty)\b/;
    expect(builtin.filter((name) => long.test(name) && !least.has(name))).toEqual([]);
  });

  it("compiles nothing that was compiled when the package was built", () => {
    const { scripts } = loadedBy([...commandLine, "doctor", program]);
    expect(scripts.filter(({ rejected }) => rejected !== false)).toEqual([]);
  });

  it("compiles everything for a Node with other flags", () => {
    const { scripts } = loadedBy([...commandLine, "doctor", program], "--stack-trace-limit=11");
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.filter(({ rejected }) => rejected !== true)).toEqual([]);
  });
});

it("no file of the command line requires itself in a cycle", () => {
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
