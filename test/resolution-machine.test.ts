// Every program and library of this machine, and of what npm has brought, against the loader of
// this machine: no difference.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type Facts, scan } from "../lib/index.js";
import { native } from "../lib/native.js";
import { comparable, loaderAnswer, ownAnswer } from "./resolution/answer.js";
import { machines, missingPart } from "./resolution/machines.js";
import { part } from "./support/require-part.js";

const scratch = mkdtempSync(join(tmpdir(), "fixelf-machine-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const [host] = machines;
if (!host) throw new Error("no machine");
part("this machine's loader", missingPart(host))("every ELF file below /usr", () => {
  it("resolves as the loader resolves it", async () => {
    const files = await dynamicFiles(["/usr", "node_modules"]);
    expect(files.length).toBeGreaterThan(500);
    const outputs = askAll(files);
    const disk = new native.Files("");
    const differences: unknown[] = [];
    for (const [index, file] of files.entries()) {
      const theirs = loaderAnswer(outputs[index] ?? "", [host.interpreter], "/");
      const own = ownAnswer(await disk.resolve(file, {}), [host.interpreter]);
      const [left, right] = [comparable(own, false), comparable(theirs, false)];
      if (JSON.stringify(left) !== JSON.stringify(right)) {
        differences.push({ file, own: left, theirs: right });
      }
    }
    console.log(`compared ${files.length} programs and libraries`);
    expect(differences).toEqual([]);
  }, 600_000);
});

/** What the loader of this machine would open: its own class and machine, with a dynamic table. */
async function dynamicFiles(roots: string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of scan(roots)) {
    for (const facts of batch as Iterable<Facts>) {
      const { interpreter, type } = facts;
      const own =
        facts.machine === "x86-64" && facts.class === "ELF64" && facts.dynamicTable === "present";
      // A library for musl is not for this loader.
      const musl = facts.needed.some((name) => name === "libc.so" || name.startsWith("libc.musl-"));
      const loads = interpreter === null ? !musl : interpreter === host?.interpreter;
      if (own && loads && (type === "shared-library" || interpreter !== null))
        found.push(facts.path);
    }
  }
  return found.sort();
}

/** The outputs of traced runs. The loader runs, and no program. */
function askAll(files: string[]): string[] {
  const list = join(scratch, "files");
  writeFileSync(list, files.map((file, index) => `${index}\0${file}\0`).join(""));
  // Libraries cannot be started, so the loader is given each file.
  const script = `
    while [ $# -gt 0 ]; do
      LD_TRACE_LOADED_OBJECTS=1 ${host?.loader} "$2" > "${scratch}/$1.out" 2>&1
      shift 2
    done
    true`;
  const workers = String(availableParallelism());
  execFileSync("xargs", ["-0", "-a", list, "-P", workers, "-n", "64", "sh", "-c", script, "ask"], {
    env: { PATH: process.env.PATH ?? "" },
  });
  return files.map((_, index) => readFileSync(join(scratch, `${index}.out`), "utf8"));
}
