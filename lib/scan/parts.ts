// Whether the files that scans have left in a directory are a whole.
import { join } from "node:path";
import { type FileHandle, open, readdir } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { groupedBy } from "../base/grouped.js";
import { scanSchema } from "./metadata.js";

/** A file of a scan, and what it says of itself. */
export interface ScanPart {
  file: string;
  version: string;
  schema: string;
  /** "i/n" */
  shard: string;
  /** When what was scanned had last changed; ISO 8601. */
  time: string;
}

/** Why the files are no whole. */
export interface PartsProblem {
  kind: "unreadable" | "unknown" | "version" | "schema" | "missing-shard" | "repeated-shard";
  message: string;
  /** Those that it is about. */
  files: string[];
}

export interface PartsCheck {
  parts: ScanPart[];
  /** Empty where everything is there. */
  problems: PartsProblem[];
}

/**
 * Reads what the Parquet and Arrow files of a directory say of themselves.
 * @throws FixelfError `not-found` where the directory has no such file, and what `readdir` fails with.
 */
export async function checkParts(directory: string): Promise<PartsCheck> {
  const names = (await readdir(directory)).filter((name) => /\.(parquet|arrow)$/.test(name)).sort();
  if (names.length === 0) {
    const message = `${directory}: there is no file called *.parquet or *.arrow`;
    throw new FixelfError("not-found", message, { path: directory });
  }
  const problems: PartsProblem[] = [];
  const parts: (ScanPart & { scan: string })[] = [];
  for (const file of names) {
    const problem = (kind: PartsProblem["kind"], message: string) =>
      problems.push({ kind, message: `${file}: ${message}`, files: [file] });
    try {
      const said = await metadataIn(join(directory, file));
      const at = (name: string) => said.get(`fixelf.${name}`) ?? "";
      if (at("schema") === "") problem("unknown", "it does not say which scan wrote it");
      else {
        const [version, schema, shard, time] = ["version", "schema", "shard", "time"].map(at);
        const scan = JSON.stringify(["roots", "list", "root", "filter"].map(at));
        parts.push({ file, version, schema, shard, time, scan } as ScanPart & { scan: string });
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

/** Of each scan that was divided, every part has to be there, once. */
function shardProblems(parts: readonly (ScanPart & { scan: string })[]): PartsProblem[] {
  const numberOf = ({ shard }: ScanPart) => Number(shard.split("/")[0]);
  const countOf = ({ shard }: ScanPart) => Number(shard.split("/")[1]);
  const divided = parts.filter((part) => countOf(part) > 1);
  return groupedBy(divided, (part) => `${countOf(part)} ${part.scan}`).flatMap((group) => {
    const count = countOf(group[0] as ScanPart);
    const missing = [...rangesWithout(group.map(numberOf), count)].map((shards) => ({
      kind: "missing-shard" as const,
      message: `shard ${shards} of ${count} is missing`,
      files: [],
    }));
    const repeated = groupedBy(group, numberOf)
      .filter((same) => same.length > 1)
      .map((same) => ({
        kind: "repeated-shard" as const,
        message: `shard ${same[0]?.shard} is there ${same.length} times: ${same.map(({ file }) => file).join(", ")}`,
        files: same.map(({ file }) => file),
      }));
    return [...missing, ...repeated];
  });
}

/** The numbers from 1 to `count` that are not there: "5", "7-12". A count may be any that a file claims. */
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

async function inParquet(file: FileHandle): Promise<ReadonlyMap<string, string>> {
  const { parquetMetadataAsync } = await import("hyparquet");
  const { size } = await file.stat();
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
  const reader = await RecordBatchReader.from(file);
  return (await reader.open()).schema.metadata;
}
