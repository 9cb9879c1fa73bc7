// Every program and library of this machine, and of its npm packages, compared with this machine's
// loader: no difference.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { resolveWith } from "../lib/addon/resolutions.js";
import { type Facts, scan } from "../lib/index.js";
import {
  askEach,
  compare,
  type Fit,
  fitOf,
  fits,
  isLoadable,
  linesOf,
  type Question,
} from "./resolution/files.js";
import { machines, partsOf } from "./resolution/machines.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const scratch = scratchDirectory();

const [host] = machines;
if (!host) throw new Error("no machine");
const { loader } = host;
const own: Fit = { machine: "x86-64", class: "ELF64", byteOrder: "little-endian", libc: "glibc" };

describe("every ELF file below /usr", needs(...partsOf(host)), () => {
  it("resolves as the loader resolves it", async () => {
    const questions = await questionsBelow(["/usr", "node_modules"]);
    expect(questions.length).toBeGreaterThan(500);
    const outputs = askAll(questions);
    const disk = new native.Files("");
    const resolutions = [];
    for (const { file } of questions) resolutions.push(await resolveWith(disk, file));
    console.log(`compared ${questions.length} programs and libraries`);
    expect(compare(questions, resolutions, outputs)).toEqual({ differences: [], untold: 0 });
  });
});

/** What this machine's loader would open. */
async function questionsBelow(roots: string[]): Promise<Question[]> {
  const found: string[] = [];
  for await (const batch of scan(roots)) {
    for (const facts of batch as Iterable<Facts>) {
      const { interpreter } = facts;
      const named = interpreter === null || interpreter === loader;
      if (isLoadable(facts) && named && fits(own, fitOf(facts))) found.push(facts.path);
    }
  }
  return found.sort().map((file) => ({ file, loader, libraryPath: "" }));
}

/** The output of each traced run. */
function askAll(questions: Question[]): string[] {
  execFileSync("/bin/sh", ["-c", askEach, scratch], {
    input: linesOf(questions),
    env: { PATH: process.env.PATH ?? "" },
  });
  return questions.map((_, index) => readFileSync(join(scratch, `${index}.out`), "utf8"));
}
