// script-interpreter-missing: the shell reports "bad interpreter: No such file or directory", or env reports it for the
// program that it is to start.
import { basename, dirname } from "node:path";
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { statSync } from "../base/disk.js";
import { fixelfCommand, shellWord } from "../base/shell.js";
import { kernelRuns } from "../file/machine.js";
import {
  isEnv,
  namesNoProgram,
  parseEnv,
  type Shebang,
  shebangWindow,
  whyNotSplit,
} from "../file/shebang.js";
import { readShebang, type Subject, type Tree } from "../file/tree.js";
import { programDirectories, programIn } from "../store/programs.js";
import { whyNotStarted } from "./interpreter.js";
import { realPathOf } from "./loaded.js";
import { machineProblem } from "./machine.js";
import type { Surroundings } from "./surroundings.js";

/** What keeps a script from being run. */
export interface ScriptProblem {
  kind:
    | "carriage-return"
    | "too-long"
    | "none-named"
    | "not-there"
    | "not-usable"
    | "not-split"
    | "not-words"
    | "starts-itself";
  message: string;
  evidence: string[];
  /** The name of the program that is not found. */
  name: string | null;
  /** A first line that would do what was meant, if known. */
  meant?: string;
  /** The interpreter, if it exists and does not start, and what helps it: null if `fix` does. */
  unstartable?: { path: string; remedy: string | null };
}

/**
 * The interpreter that has to be fixed, since no other can take its place: a virtual environment's or an unpacked
 * bundle's has packages of its own. In the directories that all systems have (FHS 3.0, 3.4, 4.4 and 4.9), one is as
 * good as another.
 */
export function irreplaceable({ unstartable }: ScriptProblem): ScriptProblem["unstartable"] {
  if (unstartable === undefined) return undefined;
  const isCommon = /^\/(usr\/(local\/)?)?s?bin$/.test(dirname(unstartable.path));
  return isCommon ? undefined : unstartable;
}

/** What these checks need. */
export interface ScriptSurroundings extends Pick<Surroundings, "files" | "place"> {
  tree: Pick<Tree, "subjects">;
}

/** Linux gives up at the sixth nested interpreter (fs/exec.c, exec_binprm). */
const mostInterpreters = 5;

/** A program that is part of the tree, by the name that a script uses for it. */
export function programInTree(name: string, subjects: readonly Subject[]): string | undefined {
  return subjects.find(
    ({ path, facts }) =>
      basename(path) === name && facts !== null && facts.type !== "shared-library",
  )?.path;
}

/**
 * Whether a path, perhaps a link, leads to a file below the directory that was named, which is then fixed along with
 * it.
 */
export function comesAlong(
  path: string,
  { directory, subjects }: Pick<Tree, "directory" | "subjects">,
  files: NativeFiles,
): boolean {
  if (!directory) return false;
  const named = realPathOf(path, files);
  return subjects.some(({ path, facts }) => facts !== null && path === named);
}

/** Follows the first line to a program that can be run; null if everything is there. */
export function scriptProblem(
  shebang: Shebang,
  surroundings: ScriptSurroundings,
  depth = 1,
): ScriptProblem | null {
  const { interpreter, argument, carriageReturn, cut } = shebang;
  const problem = (
    kind: ScriptProblem["kind"],
    message: string,
    evidence: string[] = [],
    name: string | null = null,
  ): ScriptProblem => ({ kind, message, evidence, name });

  if (carriageReturn) {
    return problem(
      "carriage-return",
      `its first line ends in a carriage return, which becomes part of ${argument === null ? "the interpreter's name" : "the interpreter's argument"}`,
    );
  }
  if (cut === "interpreter") {
    const message = `the interpreter's path does not end within the ${shebangWindow - 1} bytes that Linux reads`;
    return problem("too-long", message);
  }
  if (interpreter === "") {
    return problem("none-named", "its first line names no interpreter, so Linux does not run it");
  }
  if (depth > mostInterpreters) {
    const message = `more than ${mostInterpreters} interpreters in a row are scripts themselves`;
    return problem("not-usable", message);
  }
  const missing = checkProgram(interpreter, surroundings, depth);
  const quoted = /^(["'])(.+)\1$/.exec(interpreter)?.[2];
  if (missing !== null && quoted !== undefined) {
    const message = `its first line names ${interpreter}, and Linux takes the quotes for a part of the name`;
    const line = `#!${quoted}${argument === null ? "" : ` ${argument}`}`;
    return { ...problem("none-named", message), meant: line };
  }
  if (missing !== null) return missing;
  if (isEnv(interpreter) && namesNothing(argument)) {
    // fs/binfmt_script.c: the script's own path is the last argument, and thus the program that is started.
    const message = `its first line names no program behind ${interpreter}, which starts the script itself, without end`;
    const told = isBare(argument) ? "" : `${argument} `;
    return { ...problem("starts-itself", message), meant: `#!${interpreter} ${told}PROGRAM` };
  }
  if (argument === null) return null;
  if (!isEnv(interpreter)) {
    if (!isMisread(interpreter, argument)) return null;
    const message = `Linux hands "${argument}" to ${interpreter} as one argument, which it does not know`;
    const meant = `#!/usr/bin/env -S ${basename(interpreter)} ${argument}`;
    return { ...problem("not-split", message), meant };
  }
  if (/^[^-=\s]+=/.test(argument)) {
    const message = `env takes all of "${argument}" for a variable and starts the script itself, without end`;
    return { ...problem("starts-itself", message), meant: splitByEnv(argument) };
  }
  const why = whyNotSplit(argument);
  if (why !== null)
    return problem("not-words", `env cannot split "${argument}" into words: ${why}`);
  const command = parseEnv(argument);
  if (command === null) {
    // Something that begins with a blank is not an option, and an operand that -u or -C takes leaves no program to
    // start.
    const joined =
      /^(-[iv0]|--[a-z-]+|-[uC])[ \t]/.test(argument) && !/split-string/.test(argument);
    if (!joined) return null;
    const message = `Linux hands "${argument}" to env as one argument, which it does not know`;
    return { ...problem("not-split", message), meant: splitByEnv(argument) };
  }
  return checkEnv(command.program, command.split, surroundings, depth);
}

/** Whether `env` is told only how to start what follows, and nothing follows. */
function namesNothing(argument: string | null): boolean {
  return isBare(argument) || (argument !== null && namesNoProgram(argument));
}

/** Whether it is told nothing that could be intended. */
function isBare(argument: string | null): boolean {
  return argument === null || /^(-[iv]*S?|--|--ignore-environment|--debug)$/.test(argument);
}

/** A first line that makes `env` split its argument into the words that were meant. */
function splitByEnv(argument: string): string {
  const words = `-S ${argument}`;
  return `#!/usr/bin/env ${words}${namesNoProgram(words) ? " PROGRAM" : ""}`;
}

/**
 * Whether options that were meant separately arrive as one word. Perl and Ruby split the line themselves; these take it
 * as the kernel passes it.
 */
export function isMisread(interpreter: string, argument: string): boolean {
  const takesOneWord = /^((ba|da|a|k|mk|z)?sh|busybox|python[\d.]*|node|php|lua[\d.]*)$/;
  return takesOneWord.test(basename(interpreter)) && /^-\S*[ \t]/.test(argument);
}

/** Whether a file can be run as an interpreter. */
function checkProgram(
  path: string,
  surroundings: ScriptSurroundings,
  depth: number,
): ScriptProblem | null {
  const { files } = surroundings;
  const name = basename(path);
  const { state, message, facts } = files.look(path);
  if (state === "missing") {
    const hint = path.startsWith("/")
      ? ""
      : "; it is a relative path, so it depends on the working directory";
    return {
      kind: "not-there",
      message: `its first line names ${path}, which is not there${hint}`,
      evidence: [`${path}: not there`],
      name,
    };
  }
  const isNoProgram = facts !== null && noPrograms.includes(facts.type);
  if (isNoProgram || state === "not-regular" || state === "malformed") {
    return {
      kind: "not-usable",
      message: `its first line names ${path}, which is no program`,
      evidence: [`${path}: ${isNoProgram ? facts.type : message}`],
      name,
    };
  }
  if (facts !== null) {
    const refusal = refusedStart(path, facts, surroundings);
    if (refusal === null) return null;
    const { why, evidence, remedy } = refusal;
    return {
      kind: "not-usable",
      message: `its interpreter ${path} cannot start: ${why}`,
      evidence,
      name,
      unstartable: { path, remedy },
    };
  }
  if (!mayBeExecuted(path, surroundings)) {
    return {
      kind: "not-usable",
      message: `its interpreter ${path} may not be executed`,
      evidence: [`${path} has no execute permission`],
      name,
    };
  }
  const shebang = readShebang(files.hostPath(path));
  if (shebang === null) return null; // binfmt_misc may know what to do with it
  const below = scriptProblem(shebang, surroundings, depth + 1);
  return (
    below && { ...below, evidence: [`${path} is a script: #!${shebang.text}`, ...below.evidence] }
  );
}

/** The kernel says "Exec format error" (fs/binfmt_elf.c). */
const noPrograms: readonly Facts["type"][] = ["relocatable", "core", "debug-information", "other"];

function mayBeExecuted(path: string, { place }: ScriptSurroundings): boolean {
  return programIn([dirname(path)], basename(path), place) !== null;
}

/** Why an interpreter that is an ELF program does not start; null if its loader is started. */
function refusedStart(
  path: string,
  facts: Facts,
  surroundings: ScriptSurroundings,
): { why: string; evidence: string[]; remedy: string | null } | null {
  const { files, place } = surroundings;
  if (place.root === "" && !kernelRuns(facts)) {
    const { message, evidence, remedy } = machineProblem(facts);
    return { why: message, evidence, remedy };
  }
  if (!mayBeExecuted(path, surroundings)) {
    const mode = statSync(files.hostPath(path)).mode;
    const isExecutable = (mode & 0o111) !== 0;
    return {
      why: "it may not be executed",
      evidence: [
        isExecutable
          ? `${path} may not be executed by this user, or is on a file system mounted noexec`
          : `${path} has no execute permission`,
      ],
      remedy: isExecutable ? fixelfCommand("doctor", path, {}) : `chmod +x ${shellWord(path)}`,
    };
  }
  const why = whyNotStarted(facts, surroundings);
  const evidence = [`PT_INTERP of ${path} names ${facts.interpreter}`];
  return why === null ? null : { why, evidence, remedy: null };
}

/** Whether `env` will find the program that it is to start. */
function checkEnv(
  program: string,
  split: boolean,
  surroundings: ScriptSurroundings,
  depth: number,
): ScriptProblem | null {
  if (program.includes("/")) return checkProgram(program, surroundings, depth);
  // What is part of the tree is on the PATH of whoever uses the whole.
  if (programInTree(program, surroundings.tree.subjects) !== undefined) return null;
  const directories = programDirectories(surroundings.place);
  const found = programIn(directories, program, surroundings.place);
  if (found !== null) return checkProgram(found, surroundings, depth);
  const [first = program] = program.split(/[ \t]/, 1);
  return {
    kind: "not-there",
    message:
      !split && first !== program
        ? `env looks for a program called "${program}": without -S all that follows is one name`
        : `env finds no ${program}`,
    evidence: [`${program} is in none of ${directories.join(":")}`],
    name: first,
  };
}
