// Whether the files that scans have left in a directory form a complete set.
import { join } from "node:path";
import { type FileHandle, open, readdir, stat } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { groupedBy } from "../base/grouped.js";
import { scanSchema } from "./metadata.js";

/** A file from a scan, and what it records about itself. */
export interface ScanPart {
  file: string;
  /** The version of fixelf. */
  version: string;
  /** The version of its columns. */
  schema: string;
  /** "i/n" */
  shard: string;
  /** When the scanned roots last changed; ISO 8601. */
  time: string;
}

/** Why the files are not a complete set. */
export interface PartsProblem {
  kind: "unreadable" | "unknown" | "version" | "schema" | "missing-shard" | "repeated-shard";
  message: string;
  /** The files concerned. */
  files: string[];
}

/** With what distinguishes its scan from others. */
interface DescribedPart extends ScanPart {
  scan: Record<string, string>;
}

export interface PartsCheck {
  parts: ScanPart[];
  /** Empty if everything is there. */
  problems: PartsProblem[];
}

/**
 * Reads what the Parquet and Arrow files in a directory record about themselves.
 * @throws FixelfError `not-found` if the directory has no such file, and any error from `readdir`.
 */
export async function checkParts(directory: string): Promise<PartsCheck> {
  const names = (await readdir(directory)).filter((name) => /\.(parquet|arrow)$/.test(name)).sort();
  if (names.length === 0) {
    const message = `${directory}: there is no file called *.parquet or *.arrow`;
    throw new FixelfError("not-found", message, { path: directory });
  }
  const problems: PartsProblem[] = [];
  const parts: DescribedPart[] = [];
  for (const file of names) {
    const problem = (kind: PartsProblem["kind"], message: string) =>
      problems.push({ kind, message: `${file}: ${message}`, files: [file] });
    // A FIFO would wait for a writer.
    if (!(await stat(join(directory, file))).isFile()) {
      problem("unknown", "it is no regular file");
      continue;
    }
    try {
      const said = await metadataIn(join(directory, file));
      const at = (name: string) => said.get(`fixelf.${name}`) ?? "";
      if (at("schema") === "") problem("unknown", "it does not say which scan wrote it");
      else {
        const [version, schema, shard, time] = ["version", "schema", "shard", "time"].map(at);
        const scan = Object.fromEntries(
          ["roots", "list", "root", "filter"].map((name) => [name, at(name)]),
        );
        parts.push({ file, version, schema, shard, time, scan } as DescribedPart);
        if (schema !== scanSchema)
          problem("schema", `its columns are those of ${schema}, not of ${scanSchema}`);
      }
    } catch (failure) {
      problem("unreadable", `it is not whole: ${(failure as Error).message}`);
    }
  }
  problems.push(...versionProblems(parts), ...shardProblems(parts));
  return { parts: parts.map(({ scan: _, ...part }) => part), problems };
}

function versionProblems(parts: readonly ScanPart[]): PartsProblem[] {
  const [most = [], ...others] = groupedBy(parts, ({ version }) => version).sort(
    (one, other) => other.length - one.length,
  );
  return others.flat().map(({ file, version }) => ({
    kind: "version",
    message: `${file}: written by fixelf ${version}, most others by ${most[0]?.version}`,
    files: [file],
  }));
}

/** Every part of each scan has to be there, once, and no other division of it. */
function shardProblems(parts: readonly DescribedPart[]): PartsProblem[] {
  const scans = groupedBy(parts, ({ scan }) => JSON.stringify(scan));
  return scans.flatMap((scan) => {
    const divisions = groupedBy(scan, countOf);
    // The message identifies a scan by how it differs from the others.
    const which = scans.length === 1 ? "" : ` of the scan of ${differenceOf(scan, scans)}`;
    return [
      ...divisionProblems(divisions, which),
      ...divisions.flatMap((division) => [
        ...missingShards(division, which),
        ...repeatedShards(division, which),
      ]),
    ];
  });
}

const numberOf = ({ shard }: ScanPart) => Number(shard.split("/")[0]);
const countOf = ({ shard }: ScanPart) => Number(shard.split("/")[1]);
const namesOf = (parts: readonly ScanPart[]) => parts.map(({ file }) => file);

/** Two divisions of one scan have the same rows. */
function divisionProblems(divisions: readonly DescribedPart[][], which: string): PartsProblem[] {
  if (divisions.length < 2) return [];
  const each = divisions.map(
    (parts) => `${namesOf(parts).join(", ")} (of ${countOf(parts[0] as ScanPart)})`,
  );
  const message = `the same files are in several divisions${which}: ${each.join("; ")}`;
  return [{ kind: "repeated-shard", message, files: namesOf(divisions.flat()) }];
}

function missingShards(division: readonly DescribedPart[], which: string): PartsProblem[] {
  const count = countOf(division[0] as ScanPart);
  return [...rangesWithout(division.map(numberOf), count)].map((shards) => {
    const isOne = !shards.includes("-");
    const subject = `${isOne ? "shard" : "shards"} ${shards} of ${count}${which}`;
    return {
      kind: "missing-shard",
      message: `${subject} ${isOne ? "is" : "are"} missing`,
      files: [],
    };
  });
}

function repeatedShards(division: readonly DescribedPart[], which: string): PartsProblem[] {
  return groupedBy(division, numberOf)
    .filter((same) => same.length > 1)
    .map((same) => ({
      kind: "repeated-shard",
      message: `shard ${same[0]?.shard}${which} is there ${same.length} times: ${namesOf(same).join(", ")}`,
      files: namesOf(same),
    }));
}

/** What is not the same in all scans. */
function differenceOf([part]: readonly DescribedPart[], scans: readonly DescribedPart[][]): string {
  const scan = part?.scan ?? {};
  const differing = Object.entries(scan).filter(([name, value]) =>
    scans.some(([other]) => other?.scan[name] !== value),
  );
  const said = differing.map(([name, value]) => `${name} ${value === "" ? "none" : value}`);
  return said.join(", ");
}

/** The numbers from 1 to `count` that are missing: "5", "7-12". A file may claim any count. */
function* rangesWithout(there: readonly number[], count: number): Generator<string> {
  let next = 1;
  for (const number of [...there, count + 1].sort((one, other) => one - other)) {
    if (number > next) yield number - 1 === next ? `${next}` : `${next}-${number - 1}`;
    next = number + 1;
  }
}

async function metadataIn(file: string): Promise<ReadonlyMap<string, string>> {
  const handle = await open(file);
  try {
    return file.endsWith(".parquet") ? await inParquet(handle) : await inArrow(handle);
  } finally {
    await handle.close();
  }
}

/** Both formats end with what they begin with; readers reject files without it, each in their own words. */
async function demandEnds(file: FileHandle, size: number, magic: string): Promise<void> {
  const ends = [0, size - magic.length].map(async (at) => {
    const bytes = Buffer.alloc(magic.length);
    if (at >= 0) await file.read(bytes, 0, bytes.length, at);
    return bytes.toString("latin1");
  });
  for (const end of await Promise.all(ends))
    if (end !== magic) throw new Error("its beginning or its end is missing");
}

async function inParquet(file: FileHandle): Promise<ReadonlyMap<string, string>> {
  const { parquetMetadataAsync } = await import("hyparquet");
  const { size } = await file.stat();
  await demandEnds(file, size, "PAR1");
  const slice = async (start: number, end = size) => {
    const bytes = new Uint8Array(end - start);
    await file.read(bytes, 0, bytes.length, start);
    return bytes.buffer;
  };
  const { key_value_metadata: pairs = [] } = await parquetMetadataAsync({
    byteLength: size,
    slice,
  });
  return new Map(pairs.map(({ key, value = "" }) => [key, value]));
}

async function inArrow(file: FileHandle): Promise<ReadonlyMap<string, string>> {
  const { RecordBatchReader } = await import("apache-arrow");
  await demandEnds(file, (await file.stat()).size, "ARROW1");
  const reader = await RecordBatchReader.from(file);
  return (await reader.open()).schema.metadata;
}
