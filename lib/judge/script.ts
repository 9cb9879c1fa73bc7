// script-interpreter-missing: the shell reports "bad interpreter: No such file or directory", or env reports it for the
// program that it is to start.
import { basename, dirname, join } from "node:path";
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { remembered } from "../addon/remembered.js";
import { fixelfCommand } from "../base/shell.js";
import {
  type EnvCommand,
  isEnv,
  isSplit,
  readEnv,
  type Shebang,
  shebangWindow,
} from "../file/shebang.js";
import type { Environment } from "../file/stand_in.js";
import { readShebang, type Subject, type Tree } from "../file/tree.js";
import { directoriesOfEnv, programIn } from "../store/programs.js";
import { foreignTo, problemsOf, problemsOfStatic } from "./judge.js";
import { realPathOf } from "./loaded.js";
import { isError, type Problem } from "./problem.js";
import { startOf } from "./start.js";
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
export interface ScriptSurroundings extends Surroundings {
  tree: Pick<Tree, "subjects">;
  /** The interpreter has to start in one of them; without any, whether it starts is not asked. */
  environments: readonly Environment[];
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
export async function scriptProblem(
  shebang: Shebang,
  surroundings: ScriptSurroundings,
  depth = 1,
): Promise<ScriptProblem | null> {
  const { interpreter, argument, carriageReturn, cut } = shebang;
  const problem = (
    kind: ScriptProblem["kind"],
    message: string,
    evidence: string[] = [],
    name: string | null = null,
  ): ScriptProblem => ({ kind, message, evidence, name });

  if (carriageReturn && isKept(shebang, surroundings)) {
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
  const missing = await checkProgram(interpreter, surroundings, depth);
  const quoted = /^(["'])(.+)\1$/.exec(interpreter)?.[2];
  if (missing !== null && quoted !== undefined) {
    const message = `its first line names ${interpreter}, and Linux takes the quotes for a part of the name`;
    const line = `#!${quoted}${argument === null ? "" : ` ${argument}`}`;
    return { ...problem("none-named", message), meant: line };
  }
  if (missing !== null) return missing;
  if (isEnv(interpreter)) return envProblem(interpreter, argument, surroundings, depth);
  if (argument === null || !isMisread(interpreter, argument)) return null;
  if (isComment(argument)) {
    const message = `Linux knows no comments here: it hands "${argument}" to ${interpreter}, which takes it for the script`;
    return { ...problem("not-split", message), meant: `#!${interpreter}` };
  }
  const message = `Linux hands "${argument}" to ${interpreter} as one argument, which it does not know`;
  const meant = `#!/usr/bin/env -S ${basename(interpreter)} ${argument}`;
  return { ...problem("not-split", message), meant };
}

/** Whether a carriage return at the line's end is kept: for Perl (toke.c) and `env -S` it is a blank. */
function isKept({ interpreter, argument }: Shebang, { files }: ScriptSurroundings): boolean {
  if (argument === null) return files.look(interpreter).state === "missing";
  if (isEnv(interpreter)) return !isSplit(argument);
  return !/^perl[\d.]*$/.test(basename(interpreter));
}

/** What `env`, which is there, makes of the rest of the line. */
async function envProblem(
  env: string,
  argument: string | null,
  surroundings: ScriptSurroundings,
  depth: number,
): Promise<ScriptProblem | null> {
  const problem = (
    kind: ScriptProblem["kind"],
    message: string,
    meant?: string,
  ): ScriptProblem => ({
    ...{ kind, message, evidence: [], name: null },
    ...(meant !== undefined && { meant }),
  });
  // fs/binfmt_script.c: the script's own path is the last argument, and thus the program that is started.
  const itself = (meant: string) => {
    const message = `its first line names no program behind ${env}, which starts the script itself, without end`;
    return problem("starts-itself", message, meant);
  };
  if (argument === null || isBare(argument)) return itself(`#!${env} PROGRAM`);
  if (/^[^-=\s]+=/.test(argument)) {
    const message = `env takes all of "${argument}" for a variable and starts the script itself, without end`;
    return problem("starts-itself", message, splitByEnv(argument));
  }
  if (!isSplit(argument) && /^-\S*[ \t]/.test(argument)) {
    const message = `Linux hands "${argument}" to env as one argument, which it does not know`;
    return problem("not-split", message, splitByEnv(argument));
  }
  const reading = readEnv(argument);
  switch (reading.kind) {
    case "starts":
      return checkEnv(reading, surroundings, depth);
    case "starts-itself":
      return itself(isSplit(argument) ? `#!${env} ${argument} PROGRAM` : splitByEnv(argument));
    case "exits":
      return problem("not-words", `env does not accept "${argument}": ${reading.why}`);
    case "unknown":
      return null;
  }
}

/** Whether `env` is told nothing that could be intended. */
function isBare(argument: string): boolean {
  return /^(-[iv]*S?|--|--ignore-environment|--debug)$/.test(argument);
}

/** A first line that makes `env` split its argument into the words that were meant. */
function splitByEnv(argument: string): string {
  const words = `-S ${argument}`;
  const isWhole = readEnv(words).kind !== "starts-itself";
  return `#!/usr/bin/env ${words}${isWhole ? "" : " PROGRAM"}`;
}

/**
 * Whether options that were meant separately, or a comment, arrive as one word. Perl and Ruby split the options
 * themselves; the others take them as the kernel passes them.
 */
export function isMisread(interpreter: string, argument: string): boolean {
  const name = basename(interpreter);
  if (/^(perl|ruby)[\d.]*$/.test(name)) return isComment(argument);
  const takesOneWord = /^((ba|da|a|k|mk|z)?sh|busybox|python[\d.]*|node|php|lua[\d.]*|[gmn]?awk)$/;
  return takesOneWord.test(name) && (/^-\S*[ \t]/.test(argument) || isComment(argument));
}

export function isComment(argument: string): boolean {
  return argument.startsWith("#");
}

/** Whether a file can be run as an interpreter. */
async function checkProgram(
  path: string,
  surroundings: ScriptSurroundings,
  depth: number,
): Promise<ScriptProblem | null> {
  const { files, environments } = surroundings;
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
    if (environments.length === 0) return null;
    const why = await known(files, path, () => whyNotStarted(path, facts, surroundings));
    if (why === null) return null;
    // What is needed may be in the store; otherwise its own diagnosis says more than there is room for here.
    const remedy = why.remedy ?? (why.need === null ? fixelfCommand("doctor", path, {}) : null);
    return {
      kind: "not-usable",
      message: `its interpreter ${path} cannot start: ${why.message}`,
      evidence: why.evidence,
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
  const below = await scriptProblem(shebang, surroundings, depth + 1);
  return (
    below && { ...below, evidence: [`${path} is a script: #!${shebang.text}`, ...below.evidence] }
  );
}

/** The kernel says "Exec format error" (fs/binfmt_elf.c). */
const noPrograms: readonly Facts["type"][] = ["relocatable", "core", "debug-information", "other"];

function mayBeExecuted(path: string, { place }: ScriptSurroundings): boolean {
  return programIn([dirname(path)], basename(path), place) !== null;
}

const known = remembered<Promise<Problem | null>>();

/** What keeps an interpreter that is an ELF file from starting in any of the environments. */
async function whyNotStarted(
  path: string,
  facts: Facts,
  surroundings: ScriptSurroundings,
): Promise<Problem | null> {
  const { files, environments } = surroundings;
  const foreign = foreignTo(facts, surroundings);
  if (foreign !== null) return foreign;
  if (facts.type === "shared-library") return null; // such as a loader: it starts by itself
  const host = files.hostPath(path);
  const judged = { path: realPathOf(path, files), shown: path, host, facts };
  const problemsIn = async (environment: Environment): Promise<Problem[]> => {
    if (facts.type === "static" || facts.type === "static-pie")
      return problemsOfStatic(judged, surroundings);
    const start = await startOf(judged.path, facts, files, { environment, host });
    return problemsOf(judged, start, surroundings);
  };
  let first: Problem | null = null;
  for (const environment of environments) {
    const problem = (await problemsIn(environment)).find(isError);
    if (problem === undefined) return null;
    first ??= problem;
  }
  return first;
}

/** Whether `env` will find the program that it is to start. */
async function checkEnv(
  command: EnvCommand,
  surroundings: ScriptSurroundings,
  depth: number,
): Promise<ScriptProblem | null> {
  const { program, split, directory } = command;
  if (program.includes("/")) {
    const isRelative = directory !== undefined && !program.startsWith("/");
    return checkProgram(isRelative ? join(directory, program) : program, surroundings, depth);
  }
  // What is part of the tree is on the PATH of whoever uses the whole.
  if (programInTree(program, surroundings.tree.subjects) !== undefined) return null;
  const directories = directoriesOfEnv(command, surroundings.place);
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
