// What is wrong with the loader that a program names. The kernel opens it before any of the program runs
// (fs/binfmt_elf.c, load_elf_binary), and each way to fail has its own error.
import type { Facts } from "../addon/facts.js";
import { accessSync, constants, statSync } from "../base/disk.js";
import { wordsOfSystem } from "../base/errors.js";
import { absolute } from "../base/process.js";
import { shellWord } from "../base/shell.js";
import {
  type AtInterpreter,
  type InterpreterKind,
  interpreterAt,
  isLoader,
  isStandIn,
} from "../file/interpreter.js";
import { describeMachine, sameMachine } from "../file/machine.js";
import { brokenLink } from "../file/tree.js";
import type { Problem } from "./problem.js";
import type { Start } from "./start.js";
import { collectedStorePath, type Surroundings } from "./surroundings.js";

export function interpreterProblems(
  { shown, facts }: { shown: string; facts: Facts },
  { at, started, resolution }: Start,
  surroundings: Surroundings,
): Problem[] {
  const { interpreter } = facts;
  // A library's own interpreter, such as libc.so.6's, matters only when the library is run to print its version.
  if (interpreter === null || at === null || facts.type === "shared-library") return [];
  const evidence = [`PT_INTERP names ${interpreter}`];
  const problem = (
    code: Problem["code"],
    message: string,
    seen: string[] = [],
    remedy: string | null = null,
  ): Problem[] => [
    {
      code,
      severity: "error",
      message,
      evidence: [...evidence, ...seen],
      remedy,
      need: { kind: "loader", interpreter },
    },
  ];
  if (interpreter === "")
    return problem(
      "interpreter-missing",
      'it names its loader with an empty name, so the kernel says "No such file or directory"',
    );
  if (at.kind === "nothing") {
    const collected = collectedStorePath(interpreter, surroundings);
    if (collected !== null)
      return problem(
        "interpreter-collected",
        `its loader was in ${collected}, which was garbage-collected`,
        [`${interpreter}: not there`],
      );
    const host = surroundings.files.hostPath(interpreter);
    const link = brokenLink(host);
    return problem("interpreter-missing", notThere(interpreter, host), [
      `${interpreter}: ${link ?? resolution.interpreter.reason}`,
    ]);
  }
  if (at.kind === "nixos-stub")
    return problem(
      "nixos-stub",
      `NixOS's stub is at ${interpreter} instead of a loader: it prints "Could not start dynamically linked executable" and ends`,
      [`${interpreter} is a static program that starts nothing (environment.stub-ld)`],
    );
  const unusable = whyUnusable(interpreter, at, facts, surroundings);
  if (unusable !== null) return problem("interpreter-unusable", unusable.why, [], unusable.remedy);
  if (!isStandIn(at.kind)) {
    if (interpreter.startsWith("/") || surroundings.place.root !== "") return [];
    return problem(
      "interpreter-missing",
      `its loader ${interpreter} is a relative path, so it starts only if the working directory has it`,
      [`${absolute(interpreter)} is there`],
      `fixelf patchelf --set-interpreter ${shellWord(absolute(interpreter))} ${shellWord(shown)}`,
    ).map((each) => ({ ...each, severity: "warning" }));
  }
  if (started === null)
    return problem(
      "stand-in-without-loader",
      `${at.kind} is at ${interpreter}, but finds no loader to start`,
      [
        "neither NIX_LD nor NIX_LD_… names one",
        ...at.farms.map((farm) => `${farm}/ld.so: not there`),
      ],
    );
  const { found, reason } = resolution.interpreter;
  // Another stand-in would start this one again, and so on; a stub exits.
  if (found && isLoader(interpreterAt(started.loader, surroundings.files).kind)) return [];
  const by = started.variable ?? "its default";
  return problem(
    "stand-in-without-loader",
    `${at.kind} is at ${interpreter}, but the loader that ${by} names cannot be started`,
    [`${started.loader}: ${found ? "it is not a loader" : reason}`],
  );
}

function notThere(interpreter: string, host: string): string {
  const said = whyNotReached(host) ?? "No such file or directory";
  return `its loader ${interpreter} is not there, so the kernel says "${said}"`;
}

/** The kernel's error for a path that cannot be followed to its end; null if it can, or leads to nothing. */
function whyNotReached(host: string): string | null {
  try {
    statSync(host);
    return null;
  } catch (failure) {
    return wordsOfSystem(failure);
  }
}

/** execve(2)'s error if what is there is not a loader; null if it can be started. */
function whyUnusable(
  interpreter: string,
  { kind, facts: own }: AtInterpreter,
  program: Facts,
  { files, place, host }: Surroundings,
): { why: string; remedy: string | null } | null {
  const unreached = kind === "unreadable" ? whyNotReached(files.hostPath(interpreter)) : null;
  if (unreached !== null) {
    const why = `its loader ${interpreter} cannot be reached, so the kernel says "${unreached}"`;
    return { why, remedy: null };
  }
  const is = unfit[kind];
  if (is !== undefined) return { why: `its loader ${interpreter} is ${is}`, remedy: null };
  if (own !== null && !sameMachine(own, program)) {
    const why = `its loader ${interpreter} is for ${describeMachine(own)}, and the program for ${describeMachine(program)}`;
    return { why: `${why}; the kernel says "Accessing a corrupted shared library"`, remedy: null };
  }
  // The owner of another system's root need not be the user who asks.
  if (place.root !== "" || mayExecute(files.hostPath(interpreter))) return null;
  // The kernel refuses it whatever its mode, and judge/mount.ts says so.
  if (host !== null && files.isNoexec(interpreter)) return null;
  return {
    why: `its loader ${interpreter} has no execute permission, so the kernel says "Permission denied"`,
    remedy: `chmod +x ${shellWord(interpreter)}`,
  };
}

/** open_exec accepts regular files only (EACCES), reads a header (EIO), and wants ELF (ELIBBAD). */
const unfit: Partial<Record<InterpreterKind, string>> = {
  "static-program": "a static program and no loader",
  "dynamic-program": "a program that needs a loader itself",
  library: "a library and no loader",
  script: "a script, and the kernel takes only an ELF file there",
  empty: 'empty, so the kernel says "Input/output error"',
  directory: 'no regular file, so the kernel says "Permission denied"',
  "no-elf-file": "no ELF file",
  damaged: "a damaged ELF file",
};

function mayExecute(host: string): boolean {
  try {
    accessSync(host, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
