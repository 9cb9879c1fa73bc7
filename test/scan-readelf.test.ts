// What a scan says of each ELF file of this machine against what readelf says.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Facts } from "../lib/addon/facts.js";
import type { ScanRow } from "../lib/scan/batch.js";
import { scan } from "../lib/scan/scan.js";
import { needs } from "./support/needs.js";

interface Said {
  interpreter: string | null;
  soname: string | null;
  needed: string[];
  rpath: string | null;
  runpath: string | null;
  versionsNeeded: Facts["versionsNeeded"];
  versionsDefined: string[];
}

const filesAtOnce = 40;
describe("readelf", needs("readelf"), () => {
  it("says the same of every ELF file below /usr", async () => {
    const rows: ScanRow[] = [];
    for await (const batch of scan(["/usr"])) rows.push(...batch);
    // A name with a line end in it would end a line of readelf's as well.
    const tested = rows.filter(({ path }) => !/[\n\ufffd]/.test(path));
    expect(tested.length).toBeGreaterThan(1000);
    const waiting = Array.from({ length: Math.ceil(tested.length / filesAtOnce) }, (_, index) =>
      tested.slice(index * filesAtOnce, (index + 1) * filesAtOnce),
    ).values();
    const work = async () => {
      for (const some of waiting) await compare(some);
    };
    await Promise.all([work(), work()]);
  });
});

async function compare(rows: readonly ScanRow[]): Promise<void> {
  const said = await readelf(rows.map(({ path }) => path));
  for (const row of rows) {
    const expected = said.get(row.path) as Said;
    // readelf finds versions by section headers.
    const versions = row.sectionHeaders
      ? { versionsNeeded: row.versionsNeeded, versionsDefined: row.versionsDefined }
      : { versionsNeeded: [], versionsDefined: [] };
    const { interpreter, soname, needed, rpath, runpath } = row;
    const ours: Said = { interpreter, soname, needed, rpath, runpath, ...versions };
    expect({ path: row.path, ...ours }).toEqual({ path: row.path, ...expected });
  }
}

async function readelf(paths: string[]): Promise<Map<string, Said>> {
  // Two names at least, or readelf does not say which file it speaks of.
  const { stdout } = await promisify(execFile)(
    "readelf",
    ["--wide", "--segments", "--dynamic", "--version-info", "/dev/null", ...paths],
    { maxBuffer: 2 ** 30, env: { ...process.env, LC_ALL: "C" } },
  ).catch((failure: { stdout: string }) => failure); // it dislikes some file, and goes on
  const said = new Map<string, Said>();
  let file: Said | undefined;
  for (const line of stdout.split("\n")) {
    const path = /^File: (.*)$/.exec(line)?.[1];
    if (path !== undefined) {
      file = {
        interpreter: null,
        soname: null,
        needed: [],
        rpath: null,
        runpath: null,
        versionsNeeded: [],
        versionsDefined: [],
      };
      said.set(path, file);
    } else if (file !== undefined) {
      take(line, file);
    }
  }
  return said;
}

function take(line: string, file: Said): void {
  const interpreter = /\[Requesting program interpreter: (.*)\]$/.exec(line)?.[1];
  if (interpreter !== undefined) file.interpreter = interpreter;
  const [, tag, name] = /\((NEEDED|SONAME|RPATH|RUNPATH)\) .*?: \[(.*)\]$/.exec(line) ?? [];
  if (tag === "NEEDED") file.needed.push(name as string);
  else if (tag !== undefined)
    file[tag.toLowerCase() as "soname" | "rpath" | "runpath"] = name as string;
  const library = /^ {2}[0-9a-fx]+: Version: 1 {2}File: (.*) {2}Cnt: \d+$/.exec(line)?.[1];
  if (library !== undefined) file.versionsNeeded.push({ library, versions: [] });
  const [, needed, flags] =
    /^ {2}[0-9a-fx]+: {3}Name: (.*?) {2}Flags: (.*?) {2}Version: \d+$/.exec(line) ?? [];
  if (needed !== undefined)
    file.versionsNeeded
      .at(-1)
      ?.versions.push({ name: needed, weak: flags?.includes("WEAK") ?? false });
  const [, kind, defined] =
    /^ {2}[0-9a-fx]+: Rev: 1 {2}Flags: (.*?) {2}Index: \d+ {2}Cnt: \d+ {2}Name: (.*)$/.exec(line) ??
    [];
  if (defined !== undefined && !kind?.includes("BASE")) file.versionsDefined.push(defined);
}
