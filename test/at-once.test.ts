// Eight commands fix and undo one tree at the same time: what one is changing, the others leave alone, and they say so.
// In the end each file is whole, as one of the commands reported it, and one undo restores all originals.
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Outcome, UndoOutcome } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc } from "./support/store.js";

describe("eight commands at once", needs("gcc"), () => {
  const directory = scratchDirectory();
  const store = join(directory, "store");
  const tree = join(directory, "tree");
  const env = {
    XDG_STATE_HOME: join(directory, "state"),
    XDG_CACHE_HOME: join(directory, "cache"),
  };
  const names = Array.from({ length: 60 }, (_, index) => `program-${index}`).sort();
  let original: Buffer;
  let fix: string[];

  beforeAll(() => {
    const loader = copyGlibc(join(store, `${"a".repeat(32)}-glibc-2.36/lib`));
    fix = ["fix", tree, "--store", store, "--no-gc-root", "--interpreter", loader, "--json"];
    mkdirSync(tree);
    const program = compile(join(directory, "program"), "int main(void) { return 0; }");
    original = readFileSync(program);
    for (const name of names) copyFileSync(program, join(tree, name));
  });

  async function atOnce<Document>(words: readonly string[]): Promise<Document[]> {
    return Promise.all(
      Array.from({ length: 8 }, async () => {
        const process = startFixelf(words, { env });
        let stdout = "";
        process.stdout.setEncoding("utf8").on("data", (text: string) => {
          stdout += text;
        });
        const signal = await new Promise((resolve) =>
          process.on("close", (_, ending) => resolve(ending)),
        );
        expect(signal).toBeNull();
        return JSON.parse(stdout) as Document;
      }),
    );
  }

  const contents = () => names.map((name) => readFileSync(join(tree, name)));
  const isOneOf = (code: string | undefined) =>
    ["busy", "changed", "no-undo-record"].includes(code ?? "");

  it("fix one tree", async () => {
    const answers = await atOnce<{ files: Outcome[] }>(fix);
    const fixed = answers.flatMap(({ files }) =>
      files.filter(({ outcome }) => outcome === "fixed"),
    );
    expect(fixed.map(({ path }) => path).sort()).toEqual(names.map((name) => join(tree, name)));
    for (const { outcome, verified, error } of answers.flatMap(({ files }) => files)) {
      if (outcome === "fixed") expect(verified).toBe(true);
      else if (outcome !== "unchanged")
        expect(isOneOf(error?.code), JSON.stringify(error)).toBe(true);
    }
    const [first, ...others] = contents();
    expect(first?.equals(original)).toBe(false);
    for (const other of others) expect(other.equals(first as Buffer)).toBe(true);
    expect(readdirSync(tree).sort()).toEqual(names);
  });

  it("undo one tree", async () => {
    const answers = await atOnce<{ files: UndoOutcome[] }>(["undo", tree, "--json"]);
    const restored = answers.flatMap(({ files }) =>
      files.filter(({ outcome }) => outcome === "restored"),
    );
    expect(restored.map(({ path }) => path).sort()).toEqual(names.map((name) => join(tree, name)));
    for (const { error } of answers.flatMap(({ files }) => files))
      if (error !== null) expect(isOneOf(error.code), JSON.stringify(error)).toBe(true);
    for (const content of contents()) expect(content.equals(original)).toBe(true);
    expect(readdirSync(tree).sort()).toEqual(names);
    expect(fixelf(["undo", tree], { env }).code).toBe(1);
  });
});
