// fixelf scan: what every ELF file of a tree says of itself.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { native } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import type { ScanFormat, Selection } from "../report/scan/format.js";
import { type Colors, plural, printable } from "../report/text.js";
import type { BatchFilter, ScanFilter } from "../scan/filter.js";
import type { RunningScan, Shard } from "../scan/scan.js";
import type { StorePlace } from "../store/place.js";
import { exitCodes, run, untilInterrupted } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";
import { ProgressLine } from "./progress.js";
import { writeParts } from "./sink.js";

const formats = ["table", "ndjson", "csv", "arrow", "parquet"] as const;
type FormatName = (typeof formats)[number];

interface ScanFlags extends SharedFlags, ScanFilter {
  format?: string;
  output?: string;
  summary?: boolean;
  shard?: string;
  jobs?: string;
  order?: string;
}

export function define(program: Command): void {
  withShared(
    program
      .command("scan")
      .description("read every ELF file below directories (default: the store)")
      .argument("[dir...]", "directories")
      .option("--format <name>", `${formats.join(", ")} (default: table; ndjson with --json)`)
      .option("--output <file>", "write to FILE, which appears when it is whole")
      .option("--summary", "only add up: machines, interpreters, glibc needs, what is broken, …")
      .option("--needs <soname>", "only files that need this library, or a glob")
      .option("--provides <soname>", "only files with this soname, or a glob")
      .option("--interpreter <glob>", "only programs with such an interpreter")
      .option("--machine <name>", "only files for this machine, such as x86-64 or aarch64")
      .option("--requires <version>", "only files that need a symbol version like 'GLIBC>=2.38'")
      .option("--broken", "only programs that would not start, and search paths that lead nowhere")
      .option("--where <expression>", "only rows that fit, such as 'size > 1e6 and relro = none'")
      .option("--shard <i/n>", "only the i-th of n parts, split by the names in the directories")
      .option("--order <order>", "path, or disk: kinder to a cold disk that seeks (default: path)")
      .option("--jobs <n>", "threads (default: one for each processor)"),
    "fixelf scan /nix/store --requires 'GLIBC>=2.38' --format csv --output new.csv",
  ).action((directories: string[], flags: ScanFlags) =>
    run(flags, async ({ colors, print, say }) => {
      const [{ scan }, { batchFilter }, { storePlace }] = await Promise.all([
        import("../scan/scan.js"),
        import("../scan/filter.js"),
        import("../store/place.js"),
      ]);
      const options = commonOptions(flags);
      const format = formatOf(flags);
      const filter = batchFilter(flags, options.root);
      const roots = directories.length > 0 ? directories : [storeToScan(storePlace(options))];
      const running = scan(roots, {
        ...(options.root !== undefined && { root: options.root }),
        ...(flags.jobs !== undefined && { jobs: wholeNumber("--jobs", flags.jobs) }),
        ...(flags.shard !== undefined && { shard: shardOf(flags.shard) }),
        order: orderOf(flags.order),
        signal: untilInterrupted(),
      });
      const progress = new ProgressLine(progressText(running));
      progress.start();
      const told = { rows: 0 };
      const selections = select(running, filter, told, (failure) => {
        progress.clear();
        say(`fixelf: ${printable(failure.path)}: ${printable(failure.message)}`);
      });
      try {
        if (flags.summary) {
          const [{ Summarizer }, { summaryText }] = await Promise.all([
            import("../scan/summary.js"),
            import("../report/scan/summary.js"),
          ]);
          const summarizer = new Summarizer(options.root);
          for await (const { batch, rows } of selections) summarizer.add(batch, rows);
          const { files, failures } = running.progress();
          progress.stop();
          const summary = summarizer.summary(files, failures);
          print("scan-summary", summary, () => summaryText(summary, colors));
        } else {
          const write = await loadFormat(format, colors);
          await writeParts(write(selections), flags.output);
        }
      } finally {
        progress.stop();
      }
      return flags.broken && told.rows > 0 ? exitCodes.findings : exitCodes.good;
    }),
  );
}

/** A root without a store is no reason to read this machine's. */
function storeToScan({ root, store }: StorePlace): string {
  if (root === "" || existsSync(new native.Files(root).hostPath(store))) return store;
  const path = root + store;
  throw new FixelfError("not-found", `${path}: there is no store`, { path });
}

/** The wanted rows of each batch; what could not be read is told on the way. */
async function* select(
  running: RunningScan,
  filter: BatchFilter,
  told: { rows: number },
  tell: (failure: { path: string; message: string }) => void,
): AsyncGenerator<Selection> {
  for await (const batch of running) {
    batch.failures.forEach(tell);
    const rows = await filter(batch);
    told.rows += rows.length;
    yield { batch, rows };
  }
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

/** Files, how fast, and how long it still takes. */
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
  if (binary && output === undefined && process.stdout.isTTY)
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
