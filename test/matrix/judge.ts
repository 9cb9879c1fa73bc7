// What others say of a file: the kernel or an emulator that runs it, readelf, eu-elflint, gdb, and
// the strip and objcopy of both families. Everything is compared with what they said before.
import { rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { machines } from "./axes.js";
import type { Bench } from "./bench.js";
import type { Edit } from "./edits.js";
import { ask } from "./process.js";
import { start } from "./run.js";

/** Numbers name sections, offsets and addresses, which may change; the words may not. */
function words(text: string, path: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replaceAll(path, "").replace(/\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b/g, "N"))
    .filter((line) => line.trim() !== "" && line !== "No errors");
}

/** Complaints of readelf and eu-elflint, each as often as it was made. */
export async function complaints(path: string): Promise<string[]> {
  const [readelf, elflint] = await Promise.all([
    ask("readelf", ["-Wa", path]),
    ask("eu-elflint", ["--gnu-ld", path]),
  ]);
  const corrupt = readelf.stdout.split("\n").filter((line) => /<corrupt|<no-strings>/.test(line));
  return [
    ...words(`${readelf.stderr}\n${corrupt.join("\n")}`, path).map((line) => `readelf: ${line}`),
    ...words(`${elflint.stdout}\n${elflint.stderr}`, path).map((line) => `elflint: ${line}`),
  ];
}

/** Of the later complaints those that were not made before, or less often. */
export function newComplaints(before: string[], after: string[]): string[] {
  const left = [...before];
  return after.filter((complaint) => {
    const known = left.indexOf(complaint);
    if (known >= 0) left.splice(known, 1);
    return known < 0;
  });
}

export async function output(bench: Bench, env: Record<string, string>): Promise<string> {
  const { stdout, stderr, status } = await start(bench.cell.machine, bench.program, {
    cwd: bench.directory,
    env,
  });
  return status === 0 ? stdout : `${stdout}${stderr}(status ${status})`;
}

/** The tools that rewrite a file, each as the arguments before input and output. */
function rewriters({ cell }: Bench): Record<string, string[]> {
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

/** What the program prints after each of the tools has rewritten the subject. */
export async function outputAfterTools(
  bench: Bench,
  env: Record<string, string>,
): Promise<Record<string, string>> {
  const kept = `${bench.subject}.kept`;
  const outputs: Record<string, string> = {};
  await rename(bench.subject, kept);
  for (const [tool, [command, ...options]] of Object.entries(rewriters(bench))) {
    const places = options.length === 0 ? [kept, bench.subject] : [bench.subject, kept];
    const { status, stderr } = await ask(command as string, [...options, ...places]);
    outputs[tool] = status === 0 ? await output(bench, env) : `the tool fails: ${stderr}`;
    await rm(bench.subject, { force: true });
  }
  await rename(kept, bench.subject);
  return outputs;
}

/** The symbols that gdb finds by reading, in an order of their own. */
export async function symbols(
  bench: Bench,
  { renamed = {}, complaint }: Partial<Edit>,
): Promise<string> {
  const { stdout, stderr } = await ask(
    "gdb-multiarch",
    [
      ...["-batch", "-nx", "-ex", "set debuginfod enabled off"],
      ...["info address main", "info address work", "info line work", "info line main"].flatMap(
        (command) => ["-ex", command],
      ),
      ...["-ex", "info functions -n .", "-ex", "info variables -n shared"],
      basename(bench.subject),
    ],
    { cwd: dirname(bench.subject) },
  );
  let text = `${stdout}\n${stderr}`.replaceAll(bench.directory, "");
  for (const [from, to] of Object.entries(renamed)) text = text.replaceAll(to, from);
  const lines = text.split("\n").filter((line) => line !== "" && !complaint?.test(line));
  return [...new Set(lines)].sort().join("\n");
}

/** What gdb sees of the running program: it needs DT_DEBUG, and the dynamic table where it is. */
export async function running(bench: Bench, env: Record<string, string>): Promise<string[]> {
  const { stdout } = await ask(
    "gdb",
    [
      ...["-batch", "-nx", "-ex", "set debuginfod enabled off"],
      ...Object.entries(env).flatMap(([name, value]) => [
        "-ex",
        `set environment ${name} ${value}`,
      ]),
      ...["-ex", "break main", "-ex", "run", "-ex", "info sharedlibrary", "-ex", "continue"],
      bench.program,
    ],
    { cwd: bench.directory },
  );
  return [
    ...(/^Breakpoint 1, /m.test(stdout) ? ["stops in main"] : []),
    ...(/ .*libc\.so\.6$/m.test(stdout) ? ["libc.so.6"] : []),
    ...(/exited normally/.test(stdout) ? ["exits"] : []),
  ];
}
