// fixelf scan: what every ELF file in a tree says about itself.
import { dirname } from "node:path";
import type { Command } from "commander";
import { native } from "../addon/native.js";
import { isDirectory } from "../base/directories.js";
import { accessSync, constants, lstatSync, readFile } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import type { CommonOptions } from "../base/options.js";
import { absolute } from "../base/process.js";
import { readBeginning } from "../file/beginning.js";
import { insideRoot } from "../file/rooted.js";
import type { ScanFormat, Selection } from "../report/scan/format.js";
import { type Colors, line } from "../report/shown.js";
import { plural } from "../report/text.js";
import type { BatchFilter, ScanFilter } from "../scan/filter.js";
import type { RunningScan, Shard } from "../scan/scan.js";
import { exitCodes, type Output, run, untilInterrupted } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";
import { ProgressLine } from "./progress.js";
import { writeParts } from "./sink.js";
import { isTerminal } from "./terminal.js";

const formats = ["table", "ndjson", "csv", "arrow", "parquet"] as const;
type FormatName = (typeof formats)[number];

interface ScanFlags extends SharedFlags, ScanFilter {
  format?: string;
  output?: string;
  summary?: boolean;
  shard?: string;
  from?: string;
  strict?: boolean;
  check?: string;
  jobs?: string;
  order?: string;
}

export function define(program: Command): void {
  withShared(
    program
      .command("scan")
      .description("read every ELF file below directories (default: the store)")
      .argument("[path...]", "directories, or single files")
      .option("--from <file>", "read store paths from FILE, one per line; - is standard input")
      .option("--format <name>", `${formats.join(", ")} (default: table; ndjson with --json)`)
      .option("--output <file>", "write to FILE, which appears once it is complete")
      .option(
        "--summary",
        "print only totals: machines, interpreters, required glibc versions, broken files, …",
      )
      .option("--needs <soname>", "only files that need this library, or a glob")
      .option("--provides <soname>", "only files with this soname, or a glob")
      .option("--interpreter <glob>", "only programs whose interpreter matches")
      .option(
        "--machine <name>",
        "only files for this machine: x86-64, arm64, machine-243 (e_machine's number), …",
      )
      .option("--requires <version>", "only files that need a symbol version like 'GLIBC>=2.38'")
      .option("--broken", "only programs that would not start, and search paths that do not exist")
      .option("--where <expression>", "only rows that match, such as 'size > 1e6 and relro = none'")
      .option("--strict", "exit with code 1 if something could not be read")
      .option(
        "--check <dir>",
        "check whether the Parquet and Arrow files in DIR are a complete scan",
      )
      .option("--shard <i/n>", "only the i-th of n parts, divided by the names in the directories")
      .option(
        "--order <order>",
        "path, or disk: faster on a cold disk with seek times (default: path)",
      )
      .option("--jobs <n>", "number of threads (default: one for each processor)"),
    "fixelf scan /nix/store --requires 'GLIBC>=2.38' --format csv --output new.csv",
  ).action((paths: string[], flags: ScanFlags) =>
    run(flags, async (output) => {
      const { colors, print, say } = output;
      if (flags.check !== undefined) return check(flags.check, paths, output);
      const [{ scan }, { isRead, withUnreadable }] = await Promise.all([
        import("../scan/scan.js"),
        import("../scan/unreadable.js"),
      ]);
      const options = commonOptions(flags);
      const format = formatOf(flags);
      const filter = await prepareFilter(filterOf(flags), options.root);
      const list = flags.from === undefined ? undefined : await listIn(flags.from, paths);
      const roots = list ?? (paths.length > 0 ? paths : [await storeToScan(options)]);
      const shard = flags.shard === undefined ? { number: 1, count: 1 } : shardOf(flags.shard);
      const running = scan(roots, {
        ...(options.root !== undefined && { root: options.root }),
        ...(flags.jobs !== undefined && { jobs: wholeNumber("--jobs", flags.jobs) }),
        shard,
        entries: list !== undefined,
        lines: format === "ndjson" && !flags.summary,
        order: orderOf(flags.order),
        signal: untilInterrupted(),
      });
      const progress = new ProgressLine(progressText(running));
      progress.start();
      let wanted = 0;
      const selections = async function* (): AsyncGenerator<Selection> {
        for await (const batch of running) {
          for (const { path, message } of batch.failures) {
            progress.clear();
            say(line`fixelf: ${path}: ${message}`);
          }
          const all = flags.summary ? batch : withUnreadable(batch);
          const rows = await filter(all);
          wanted += rows.filter((row) => isRead(all, row)).length;
          yield { batch: all, rows };
        }
      };
      try {
        if (flags.summary) {
          const [{ Summarizer }, { summaryText }] = await Promise.all([
            import("../scan/summary.js"),
            import("../report/scan/summary.js"),
          ]);
          const summarizer = new Summarizer(options.root);
          for await (const { batch, rows } of selections()) summarizer.add(batch, rows);
          const { files, failures } = running.progress();
          progress.stop();
          const summary = summarizer.summary(files, failures);
          print("scan-summary", summary, () => summaryText(summary, colors));
        } else {
          const { metadataOf } = await import("../scan/metadata.js");
          const metadata = await metadataOf({
            roots: list === undefined ? roots : [...new Set(roots.map((path) => dirname(path)))],
            ...(list !== undefined && { list }),
            ...(options.root !== undefined && { root: options.root }),
            filter: filterOf(flags),
            shard,
          });
          const write = await loadFormat(format, colors);
          await writeParts(write(selections(), metadata), flags.output);
        }
      } finally {
        progress.stop();
      }
      const withoutElf = list === undefined ? roots.filter((path) => isNoElf(path, options)) : [];
      for (const path of withoutElf) say(line`fixelf: ${path}: it is not an ELF file`);
      const unread = flags.strict === true && running.progress().failures > 0;
      return unread || (flags.broken && wanted > 0) ? exitCodes.findings : exitCodes.good;
    }),
  );
}

/**
 * Whether a path that was named is a readable file but not ELF, and so has no row: below a directory that is normal.
 */
function isNoElf(path: string, options: CommonOptions): boolean {
  const { host } = insideRoot(path, options, "list");
  try {
    accessSync(host, constants.R_OK);
    return lstatSync(host).isFile() && readBeginning(host, 4).toString("latin1") !== "\x7fELF";
  } catch {
    return false;
  }
}

/** Whether all the parts written by other scans are there. */
async function check(directory: string, paths: string[], { print, colors }: Output) {
  if (paths.length > 0)
    throw new FixelfError("usage", "--check reads a directory of results; nothing is scanned");
  const [{ checkParts }, { partsText }] = await Promise.all([
    import("../scan/parts.js"),
    import("../report/scan/parts.js"),
  ]);
  const checked = await checkParts(directory);
  print("scan-check", checked, () => partsText(checked, colors));
  return checked.problems.length > 0 ? exitCodes.findings : exitCodes.good;
}

/** The paths in a list, as `nix-store --query --requisites` prints it. */
async function listIn(file: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length > 0)
    throw new FixelfError("usage", "--from names what is scanned: leave out the other paths");
  const text = await readFile(file === "-" ? "/dev/stdin" : file, "utf8");
  const named = text.split("\n").filter((line) => line !== "");
  return [...new Set(named.map(absolute))].sort();
}

/** A root without a store is no reason to read this machine's. */
async function storeToScan(options: CommonOptions): Promise<string> {
  const { placeOf } = await import("../store/place.js");
  const { root, store } = placeOf(options);
  const place = root === "" ? null : new native.Files(root).hostPath(store);
  if (place === null || isDirectory(place)) return store;
  const path = root + store;
  throw new FixelfError("not-found", `${path}: there is no store`, { path });
}

function filterOf(flags: ScanFlags): ScanFilter {
  const { needs, provides, interpreter, machine, requires, broken, where } = flags;
  const all = { needs, provides, interpreter, machine, requires, broken, where };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Without a filter, patterns and expressions are not loaded: a tenth of the command's start. */
async function prepareFilter(filter: ScanFilter, root: string | undefined): Promise<BatchFilter> {
  if (Object.keys(filter).length === 0)
    return async ({ length }) => Array.from({ length }, (_, row) => row);
  const { batchFilter } = await import("../scan/filter.js");
  return batchFilter(filter, root);
}

async function loadFormat(name: FormatName, colors: Colors): Promise<ScanFormat> {
  switch (name) {
    case "table":
      return (await import("../report/scan/table.js")).table(colors);
    case "ndjson":
      return (await import("../report/scan/ndjson.js")).ndjson;
    case "csv":
      return (await import("../report/scan/csv.js")).csv;
    case "arrow":
      return (await import("../report/scan/arrow.js")).arrow;
    case "parquet":
      return (await import("../report/scan/parquet.js")).parquet;
  }
}

/** Files, how fast, and how much longer it will take. */
function progressText(running: RunningScan): () => string {
  const start = performance.now();
  return () => {
    const { files, elf, failures, bytes, branches, branchesDone } = running.progress();
    const seconds = (performance.now() - start) / 1000;
    const left = branchesDone === 0 ? "" : `, ${timeLeft(seconds, branchesDone / branches)} left`;
    const unread = failures === 0 ? "" : `, ${failures} unreadable`;
    return (
      `${plural(files, "file")}, ${elf} ELF of ${Math.round(bytes / 1e6)} MB${unread}, ` +
      `${Math.round(files / seconds)} files/s, ${branchesDone} of ${branches} entries done${left}`
    );
  };
}

function timeLeft(seconds: number, part: number): string {
  const left = Math.round((seconds * (1 - part)) / part);
  return left < 60 ? `${left} s` : `${Math.ceil(left / 60)} min`;
}

function formatOf({ format, json, summary, output }: ScanFlags): FormatName {
  if (summary && (format !== undefined || output !== undefined))
    throw new FixelfError("usage", "--summary prints text or, with --json, one JSON document");
  const name = format ?? (json ? "ndjson" : "table");
  if (!isFormat(name))
    throw new FixelfError("usage", `--format: ${name} is none of ${formats.join(", ")}`);
  const binary = name === "arrow" || name === "parquet";
  if (binary && output === undefined && isTerminal(1))
    throw new FixelfError("usage", `${name} is not for a terminal: add --output FILE`);
  return name;
}

function isFormat(name: string): name is FormatName {
  return (formats as readonly string[]).includes(name);
}

function orderOf(order: string | undefined): "path" | "disk" {
  if (order === undefined || order === "path") return "path";
  if (order === "disk") return order;
  throw new FixelfError("usage", `--order: ${order} is neither path nor disk`);
}

function shardOf(text: string): Shard {
  const match = /^(\d{1,9})\/(\d{1,9})$/.exec(text);
  const [number, count] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || number < 1 || number > count)
    throw new FixelfError("usage", `--shard: ${text} is not I/N with I from 1 to N`);
  return { number, count };
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new FixelfError("usage", `${option}: ${text} is not a number from 1 to 9999`);
  return Number(text);
}
