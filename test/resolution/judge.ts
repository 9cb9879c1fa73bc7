// Asks a real loader about many cases, in one process for all of them.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { compile } from "../support/compile.js";
import { type Answer, loaderAnswer } from "./answer.js";
import { type Case, programOf, realLoader } from "./case.js";
import { type Machine, standIn } from "./machines.js";
import { mappedAnswer } from "./mapped.js";

export interface Laid {
  case: Case;
  directory: string;
}

/**
 * The answers in the order of the cases. This machine's loaders are each asked in a root of their
 * own, the case's directory; an emulated loader is asked in the files' own place.
 */
export function ask(machine: Machine, laid: Laid[], scratch: string): Answer[] {
  const scripts = laid.map(({ case: case_, directory }, index) => {
    const script = join(scratch, `${index}.sh`);
    writeFileSync(script, commands(machine, case_, directory));
    return script;
  });
  const enter = readFileSync(new URL("enter.c", import.meta.url), "utf8");
  compile(join(scratch, "enter"), enter);
  const list = join(scratch, "scripts");
  writeFileSync(list, scripts.join("\n"));
  const workers = String(availableParallelism());
  const runAll = ["xargs", "-a", list, "-P", workers, "-n", "1", "sh"];
  // Only root, or the user that is root in a user namespace, can make a root of its own.
  const namespace = process.getuid?.() === 0 ? ["-m"] : ["-r", "-m"];
  const [program = "", ...args] =
    machine.emulator === null ? ["unshare", ...namespace, ...runAll] : runAll;
  execFileSync(program, args, { maxBuffer: 1 << 26 });
  return laid.map(({ case: case_, directory }, index) => {
    const output = readFileSync(join(scratch, `${index}.sh.out`), "utf8");
    if (case_.secure) return mappedAnswer(output, [machine.interpreter, programOf(case_)]);
    return loaderAnswer(
      output,
      [machine.interpreter, machine.loader, realLoader],
      machine.emulator === null ? "/" : directory,
    );
  });
}

/** The base that replaces `@`. */
export function baseOf(machine: Machine, directory: string): string {
  return machine.emulator === null ? "" : directory;
}

/** What a root needs besides the case's own files. */
export function furnish(case_: Case, machine: Machine, directory: string): void {
  if (machine.emulator !== null) return;
  const put = (file: string, inside: string) => {
    mkdirSync(dirname(join(directory, inside)), { recursive: true });
    copyFileSync(file, join(directory, inside));
  };
  const through = case_.nixLd !== undefined;
  put(through ? standIn : machine.loader, machine.interpreter);
  if (through) put(machine.loader, realLoader);
  // The loader reads /proc/self/exe for $ORIGIN.
  mkdirSync(join(directory, "proc"));
}

function commands(machine: Machine, case_: Case, directory: string): string {
  const base = baseOf(machine, directory);
  const program = `${base}${programOf(case_)}`;
  const environment = [
    ...(case_.libraryPath === undefined ? [] : [["LD_LIBRARY_PATH", case_.libraryPath]]),
    ...(case_.preload === undefined ? [] : [["LD_PRELOAD", case_.preload]]),
    ...(case_.nixLd === undefined
      ? []
      : [
          ["NIX_LD", realLoader],
          ["NIX_LD_LIBRARY_PATH", case_.nixLd],
        ]),
  ].map(([name, value]) => quoted(`${name}=${value?.replaceAll("@", base)}`));
  const trace = [...environment, "LD_TRACE_LOADED_OBJECTS=1"];
  const output = `> "$0.out" 2>&1 || true\n`;
  if (machine.emulator !== null) {
    const set = trace.map((variable) => `-E ${variable}`).join(" ");
    return `cd ${quoted(directory)} && ${machine.emulator} ${set} ${machine.loader} ${quoted(program)} ${output}`;
  }
  const root = quoted(directory);
  const ldconfig = case_.ldconfig ? `/sbin/ldconfig -X -r ${root} > /dev/null 2>&1\n` : "";
  const listed = machine.name === "musl" && !case_.secure;
  const variables = listed || case_.secure ? environment : trace;
  const call = listed ? `${machine.interpreter} --list ${quoted(program)}` : quoted(program);
  const user = case_.secure ? 1000 : 0;
  const enter = `"$(dirname "$0")/enter" ${root} "$0.out" ${user} ${variables.length}`;
  return `${ldconfig}${enter} ${variables.join(" ")} ${call} || true\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
