// The lines of NDJSON, which are written in C++, compared with what lib/report/text.ts makes of the
// rows.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { bufferOf, textOf } from "../lib/base/bytes.js";
import { edit } from "../lib/edit/edit.js";
import { ndjson } from "../lib/report/scan/ndjson.js";
import { jsonLine } from "../lib/report/text.js";
import type { ScanBatch } from "../lib/scan/batch.js";
import { scan } from "../lib/scan/scan.js";
import { withUnreadable } from "../lib/scan/unreadable.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { oddText } from "./support/odd-names.js";
import { scratchDirectory } from "./support/scratch.js";

async function batchesOf(directory: string): Promise<ScanBatch[]> {
  const batches: ScanBatch[] = [];
  for await (const batch of scan([directory], { lines: true })) batches.push(withUnreadable(batch));
  return batches;
}

async function written(batch: ScanBatch, rows: readonly number[]): Promise<string[]> {
  let text = "";
  const selections = async function* () {
    yield { batch, rows };
  };
  for await (const part of ndjson(selections())) text += Buffer.from(part).toString();
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text.split("\n").slice(0, -1);
}

const all = ({ length }: ScanBatch) => Array.from({ length }, (_, row) => row);

/** By the same rules as for any other document. */
function expected(batch: ScanBatch, row: number): string {
  if (batch.value("error", row) !== null) {
    const names = ["path", "storePath", "error", "errorMessage"];
    return jsonLine(Object.fromEntries(names.map((name) => [name, batch.value(name, row)])));
  }
  const facts = batch.row(row);
  return jsonLine({ ...facts, entry: `0x${facts.entry.toString(16)}` });
}

describe("a line of a scan", () => {
  it("is the same as the row, for each file of this machine", async () => {
    for (const batch of await batchesOf("/usr/lib"))
      expect(await written(batch, all(batch))).toEqual(
        all(batch).map((row) => expected(batch, row)),
      );
  });

  describe("with names that are chosen to deceive", needs("gcc"), () => {
    const scratch = scratchDirectory();
    const tree = join(scratch, "tree");
    const count = 300;
    let batch: ScanBatch;

    beforeAll(async () => {
      mkdirSync(tree);
      const library = compile(
        join(scratch, "library.so"),
        "void here(void) {}",
        "-shared",
        "-fPIC",
      );
      const names = fc.sample(oddText, { numRuns: 6 * count, seed: 1 }).map(textOf);
      for (let index = 0; index < count; index++) {
        const [file = "", soname, first, second, rpath, runpath] = names.slice(6 * index);
        // Names for its own use, which may hold anything but a slash.
        const path = `${tree}/${index}${file.replaceAll("/", "")}`;
        copyFileSync(library, bufferOf(path));
        await edit(path, {
          soname: `s${soname}`,
          addNeeded: [`1${first}`, `2${second}`, "plain.so"],
          searchPath: { set: `/${index % 2 === 0 ? rpath : runpath}` },
        });
      }
      writeFileSync(join(tree, "cut"), readFileSync(library).subarray(0, 100));
      [batch] = (await batchesOf(tree)) as [ScanBatch];
      expect(batch).toMatchObject({ length: count + 1, unreadable: 1 });
    }, 60_000);

    it("is the same as the row", async () => {
      const lines = await written(batch, all(batch));
      expect(lines).toEqual(all(batch).map((row) => expected(batch, row)));
      // All kinds of bytes besides texts do occur.
      for (const bytes of [
        /"pathBytes":"/,
        /"sonameBytes":"/,
        /"neededBytes":\[/,
        /"runpathBytes":"/,
      ])
        expect(lines.filter((line) => bytes.test(line)).length).toBeGreaterThan(count / 10);
    });

    it.each<[string, (row: number) => boolean]>([
      ["none", () => false],
      ["the first", (row) => row === 0],
      ["each other", (row) => row % 2 === 1],
      ["runs of three", (row) => row % 5 < 3],
      ["the unreadable one", (row) => row === count],
    ])("is written for the rows that are wanted: %s", async (_, isWanted) => {
      const rows = all(batch).filter(isWanted);
      expect(await written(batch, rows)).toEqual(rows.map((row) => expected(batch, row)));
    });
  });
});
