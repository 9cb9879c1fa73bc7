// What others say of a file: the kernel or an emulator that runs it, readelf, eu-elflint, gdb, and
// the strip and objcopy of both families.
import { readFile, rename, rm } from "node:fs/promises";
import { machines } from "./axes.js";
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
  /** What `readelf -Wa` says. */
  readelf: string;
  /** Complaints of readelf and eu-elflint, each as often as it was made. */
  complaints: string[];
  /** What the program prints after each of the tools has rewritten the subject. */
  tools: Record<string, string>;
  /** Symbols that gdb finds by reading, in no order. */
  symbols: string[];
  /** What gdb sees of the running program. */
  running: string[];
}

/** The subjects are copies of one cell: gdb is started for all of them together. */
export async function hear(subjects: readonly Subject[]): Promise<Testimony[]> {
  const symbolsOf = await symbols(subjects);
  const runningOf = await running(subjects);
  const testimonies: Testimony[] = [];
  for (const [index, subject] of subjects.entries()) {
    const impression = await firstImpression(subject);
    testimonies.push({
      ...impression,
      tools: await outputAfterTools(subject, impression.output),
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

/** Numbers name sections, offsets and addresses, which may change; the words may not. */
function words(text: string, path: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replaceAll(path, "").replace(/\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b/g, "N"))
    .filter((line) => line.trim() !== "" && line !== "No errors");
}

/** The tools that rewrite a file, each as the arguments before input and output. */
function rewriters({ cell }: Bench): Record<string, [string, ...string[]]> {
  const { triplet } = machines[cell.machine];
  return {
    "GNU strip": [`${triplet}-strip`, "--strip-all", "-o"],
    "GNU strip --strip-debug": [`${triplet}-strip`, "--strip-debug", "-o"],
    "GNU objcopy": [`${triplet}-objcopy`],
    "llvm-strip": ["llvm-strip", "--strip-all", "-o"],
    "llvm-strip --strip-debug": ["llvm-strip", "--strip-debug", "-o"],
    "llvm-objcopy": ["llvm-objcopy"],
  };
}

/** The program runs once for all results that are loaded alike; as it is, it has printed `output`. */
async function outputAfterTools(subject: Subject, output: string): Promise<Record<string, string>> {
  const { bench } = subject;
  const tools = Object.entries(rewriters(bench));
  const results = tools.map((_, index) => `${bench.subject}.${index}`);
  const rewritings = await askShell(
    tools.map(([, [name, ...options]], index) => {
      const result = results[index] as string;
      const places = options.length === 0 ? [bench.subject, result] : [result, bench.subject];
      return [command(bench, name, ...options, ...places)];
    }),
  );
  const loaded = await Promise.all(
    results.map(async (result, index) =>
      rewritings[index]?.[0]?.status === 0 ? digestOfLoaded(await readFile(result)) : null,
    ),
  );
  const outputs = new Map([[digestOfLoaded(await readFile(bench.subject)), output]]);
  const unknown = new Map<string, string>();
  for (const [index, digest] of loaded.entries())
    if (digest !== null && !outputs.has(digest)) unknown.set(digest, results[index] as string);
  const kept = `${bench.subject}.kept`;
  await rename(bench.subject, kept);
  const runs = await askShell(
    [...unknown.values()].map((result) => [
      command(bench, "mv", "-f", result, bench.subject),
      run(subject),
    ]),
  );
  await rename(kept, bench.subject);
  for (const [index, digest] of [...unknown.keys()].entries())
    outputs.set(digest, printed(runs[index]?.[1] as Answer));
  await Promise.all(results.map((result) => rm(result, { force: true })));
  return Object.fromEntries(
    tools.map(([tool], index) => {
      const digest = loaded[index] ?? null;
      const said =
        digest === null
          ? `the tool fails: ${rewritings[index]?.[0]?.stderr}`
          : (outputs.get(digest) as string);
      return [tool, said];
    }),
  );
}

/** What is not named in `file` would be answered from the file before it. */
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

/** gdb needs DT_DEBUG for it, and the dynamic table where it is. */
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
    // Go ends with several threads, and gdb at times sees theirs and misses the program's end.
    ...(/exited normally/.test(answer) && here[index]?.bench.cell.compiler !== "go"
      ? ["exits"]
      : []),
  ]);
}

/**
 * gdb shares the symbols of a file among those who have it open: as programs that are never started,
 * libc and the loader are read once, not with every subject.
 */
const keptOpen = () =>
  ["libc.so.6", "ld-linux-x86-64.so.2"].flatMap((name, index) => [
    `file ${libcDirectory("x86-64")}/${name}`,
    ...["add-inferior", `inferior ${index + 2}`],
  ]);
