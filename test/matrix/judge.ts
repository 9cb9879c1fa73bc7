// What other tools report about a file: the kernel or an emulator that runs it, readelf, eu-elflint, gdb, and the strip
// and objcopy of both families.
import { copyFile, readFile, rename, rm } from "node:fs/promises";
import { type Cell, machines } from "./axes.js";
import type { Bench } from "./bench.js";
import { askGdb } from "./gdb.js";
import { digestOfLoaded } from "./loaded.js";
import type { Answer } from "./process.js";
import { libcDirectory, runner } from "./run.js";
import { askShell, type Command } from "./shell.js";

/** A bench, and the environment variables without which its program does not start. */
export interface Subject {
  bench: Bench;
  env: Record<string, string>;
}

export interface Testimony {
  /** What the program prints. */
  output: string;
  /** What `readelf -Wa` prints. */
  readelf: string;
  /** Complaints from readelf and eu-elflint, each as often as it was made. */
  complaints: string[];
  /** What the program prints after each of the tools has rewritten the subject. */
  tools: Record<string, string>;
  /** Symbols that gdb finds by reading, in no order. */
  symbols: string[];
  /** What gdb sees of the running program. */
  running: string[];
}

/**
 * The subjects are copies of one cell: what takes long to start is started once for all of them.
 */
export async function hear(subjects: readonly Subject[]): Promise<Testimony[]> {
  const symbolsOf = await symbols(subjects);
  const runningOf = await running(subjects);
  const rewritingsOf = await rewrite(subjects);
  const testimonies: Testimony[] = [];
  for (const [index, subject] of subjects.entries()) {
    const impression = await firstImpression(subject);
    testimonies.push({
      ...impression,
      tools: await outputAfterTools(subject, rewritingsOf[index] ?? [], impression.output),
      symbols: symbolsOf[index] ?? [],
      running: runningOf[index] ?? [],
    });
  }
  return testimonies;
}

const command = (bench: Bench, name: string, ...args: string[]): Command => ({
  command: name,
  args,
  cwd: bench.directory,
});

const run = ({ bench, env }: Subject) =>
  runner(bench.cell.machine, bench.program, { cwd: bench.directory, env });

const printed = ({ stdout, stderr, status }: Answer) =>
  status === 0 ? stdout : `${stdout}${stderr}(status ${status})`;

/** What the program prints. */
export async function output(bench: Bench, env: Record<string, string>): Promise<string> {
  const [[answer]] = (await askShell([[run({ bench, env })]])) as [[Answer]];
  return printed(answer);
}

async function firstImpression(
  subject: Subject,
): Promise<Pick<Testimony, "output" | "readelf" | "complaints">> {
  const { bench } = subject;
  const path = bench.subject;
  const [[program], [readelf], [elflint]] = (await askShell([
    [run(subject)],
    [command(bench, "readelf", "-Wa", path)],
    [command(bench, "eu-elflint", "--gnu-ld", path)],
  ])) as [[Answer], [Answer], [Answer]];
  const corrupt = readelf.stdout.split("\n").filter((line) => /<corrupt|<no-strings>/.test(line));
  return {
    output: printed(program),
    readelf: readelf.stdout,
    complaints: [
      ...words(`${readelf.stderr}\n${corrupt.join("\n")}`, path).map((line) => `readelf: ${line}`),
      ...words(`${elflint.stdout}\n${elflint.stderr}`, path).map((line) => `elflint: ${line}`),
    ],
  };
}

/** Numbers give sections, offsets and addresses, which may change; the words may not. */
function words(text: string, path: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replaceAll(path, "").replace(/\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b/g, "N"))
    .filter((line) => line.trim() !== "" && line !== "No errors");
}

interface Rewriter {
  name: string;
  /** The tool and its options. */
  words: [string, ...string[]];
  /** Takes many files, each of which it rewrites in place. */
  takesMany?: boolean;
}

function rewriters(cell: Cell): Rewriter[] {
  const { triplet } = machines[cell.machine];
  return [
    { name: "GNU strip", words: [`${triplet}-strip`, "--strip-all"] },
    { name: "GNU strip --strip-debug", words: [`${triplet}-strip`, "--strip-debug"] },
    { name: "GNU objcopy", words: [`${triplet}-objcopy`] },
    // LLVM's take twenty milliseconds to start.
    { name: "llvm-strip", words: ["llvm-strip", "--strip-all"], takesMany: true },
    { name: "llvm-strip --strip-debug", words: ["llvm-strip", "--strip-debug"], takesMany: true },
    { name: "llvm-objcopy", words: ["llvm-objcopy"] },
  ];
}

/** A file that a tool has made from a subject, or why there is none. */
interface Rewriting {
  tool: string;
  path: string;
  failure: string | null;
}

/** What each tool makes from each subject, beside it. */
async function rewrite(subjects: readonly Subject[]): Promise<Rewriting[][]> {
  const rewritings: Rewriting[][] = subjects.map(() => []);
  const [first] = subjects;
  if (first === undefined) return rewritings;
  for (const [index, { name: tool, words, takesMany }] of rewriters(first.bench.cell).entries()) {
    const paths = subjects.map(({ bench }) => `${bench.subject}.${index}`);
    const copy = async () => {
      for (const [place, { bench }] of subjects.entries())
        await copyFile(bench.subject, paths[place] as string);
    };
    await copy();
    let answers: Answer[][] = [];
    if (takesMany) {
      const all = await askShell([[command(first.bench, ...words, ...paths)]]);
      // It does not tell at which file it stopped.
      if (all[0]?.[0]?.status === 0) answers = subjects.map(() => all[0] as Answer[]);
      else await copy();
    }
    if (answers.length === 0)
      answers = await askShell(
        subjects.map(({ bench }, place) => [command(bench, ...words, paths[place] as string)]),
      );
    for (const [place, path] of paths.entries()) {
      const [{ status, stderr }] = answers[place] as [Answer];
      rewritings[place]?.push({ tool, path, failure: status === 0 ? null : stderr });
    }
  }
  return rewritings;
}

/**
 * The program runs once for all files that are loaded alike; unchanged, it has printed `output`.
 */
async function outputAfterTools(
  subject: Subject,
  rewritings: readonly Rewriting[],
  output: string,
): Promise<Record<string, string>> {
  const { bench } = subject;
  const outputs = new Map([[digestOfLoaded(await readFile(bench.subject)), output]]);
  const kept = `${bench.subject}.kept`;
  await rename(bench.subject, kept);
  const tools: Record<string, string> = {};
  for (const { tool, path, failure } of rewritings) {
    if (failure !== null) {
      tools[tool] = `the tool fails: ${failure}`;
      continue;
    }
    const loaded = digestOfLoaded(await readFile(path));
    let said = outputs.get(loaded);
    if (said === undefined) {
      await rename(path, bench.subject);
      const [[answer]] = (await askShell([[run(subject)]])) as [[Answer]];
      said = printed(answer);
      outputs.set(loaded, said);
    }
    tools[tool] = said;
  }
  for (const { path } of rewritings) await rm(path, { force: true });
  await rename(kept, bench.subject);
  return tools;
}

/** Questions about a file that `file` does not name would be answered from the one before it. */
const readAnew = (path: string) => ["file", `file "${path}"`];

async function symbols(subjects: readonly Subject[]): Promise<string[][]> {
  const answers = await askGdb(
    "gdb-multiarch",
    [],
    subjects.map(({ bench }) => [
      ...readAnew(bench.subject),
      ...["info address main", "info address work", "info line work", "info line main"],
      ...["info functions -n .", "info variables -n shared"],
    ]),
  );
  return answers.map((answer, index) => {
    const lines = answer.replaceAll(subjects[index]?.bench.directory as string, "").split("\n");
    return [...new Set(lines)].filter((line) => line !== "");
  });
}

/** gdb needs DT_DEBUG for this, and the dynamic table in its place. */
async function running(subjects: readonly Subject[]): Promise<string[][]> {
  const here = subjects.filter(({ bench }) => bench.cell.machine === "x86-64");
  const answers = await askGdb(
    "gdb",
    ["set startup-with-shell off", "set inferior-tty /dev/null", ...keptOpen()],
    here.map(({ bench, env }) => [
      ...["kill", "delete", "unset environment LD_LIBRARY_PATH", `cd ${bench.directory}`],
      ...Object.entries(env).map(([name, value]) => `set environment ${name} ${value}`),
      ...readAnew(bench.program),
      ...["break main", "run", "info sharedlibrary", "continue"],
    ]),
  );
  return answers.map((answer, index) => [
    ...(/^(Thread .* hit )?Breakpoint [0-9.]+, /m.test(answer) ? ["stops in main"] : []),
    ...(/ .*libc\.so\.6$/m.test(answer) ? ["libc.so.6"] : []),
    // Go ends with several threads, and gdb sometimes sees their ends and misses the program's.
    ...(/exited normally/.test(answer) && here[index]?.bench.cell.compiler !== "go"
      ? ["exits"]
      : []),
  ]);
}

/**
 * gdb shares the symbols of a file among all programs that have it open: kept open as programs that are never started,
 * libc and the loader are read once, not with every subject.
 */
const keptOpen = () =>
  ["libc.so.6", "ld-linux-x86-64.so.2"].flatMap((name, index) => [
    `file ${libcDirectory("x86-64")}/${name}`,
    ...["add-inferior", `inferior ${index + 2}`],
  ]);
