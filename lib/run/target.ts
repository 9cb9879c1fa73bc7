// What has to be started for what the user named: a program, one on the PATH, or, for a script, what its first line
// names, as the kernel would (fs/binfmt_script.c).
import { join } from "node:path";
import { native } from "../addon/native.js";
import { bytesOf } from "../base/bytes.js";
import { isDirectory } from "../base/directories.js";
import { FixelfError } from "../base/errors.js";
import { isEnv, parseEnv, parseShebang, type Shebang } from "../file/shebang.js";
import { readShebang } from "../file/tree.js";
import { lineFor } from "../fix/script.js";
import { scriptProblem } from "../judge/script.js";
import type { Store } from "../store/context.js";
import { directoriesOfEnv, programDirectories, programIn } from "../store/programs.js";

export interface Target {
  /** The file that was named. */
  named: string;
  /** The file that the kernel is to be given. */
  path: string;
  /** What precedes the caller's arguments, from argv[0]. */
  arguments: string[];
  /** It is the interpreter of a script. */
  script: boolean;
  /** What `env` will start, if that was found. */
  starts: string[];
}

/** Linux gives up at the sixth nested interpreter (fs/exec.c, exec_binprm). */
const mostInterpreters = 5;

/**
 * @param named as a shell would take it: without a slash it is looked for on the PATH, then here
 * @throws FixelfError `not-found`, `permission-denied`, `unsupported`, `unsolvable`
 */
export async function targetOf(named: string, store: Store): Promise<Target> {
  const path = named.includes("/") ? named : (onPath(named, store) ?? `./${named}`);
  if (isDirectory(path)) {
    const message = `${path}: this is a directory, not a program`;
    throw new FixelfError("unsupported", message, { path });
  }
  const direct = { named: path, path, arguments: [named], script: false, starts: [] };
  return follow(direct, store, 0);
}

function onPath(name: string, { place }: Store): string | null {
  return programIn(programDirectories(place), name, place);
}

async function follow(target: Target, store: Store, depth: number): Promise<Target> {
  const { path } = target;
  const shebang = await shebangOf(path);
  if (shebang === null) return target;
  if (depth === mostInterpreters)
    throw new FixelfError(
      "unsupported",
      `${path}: more than ${mostInterpreters} interpreters in a row are scripts themselves`,
      { path },
    );
  const { interpreter, argument } = await usable(shebang, path, store);
  // The kernel replaces argv[0] with the script's own path.
  const before = [interpreter, ...(argument === null ? [] : [argument]), path];
  const next = {
    named: target.named,
    path: interpreter,
    arguments: [...before, ...target.arguments.slice(1)],
    script: true,
    starts: [...target.starts, ...startedByEnv(interpreter, argument, store)],
  };
  return follow(next, store, depth + 1);
}

/** null if it is not a script: what else it may be is decided elsewhere. */
async function shebangOf(path: string): Promise<Shebang | null> {
  try {
    await native.inspect(path);
    return null;
  } catch (caught) {
    return FixelfError.is(caught) && caught.code === "not-elf" ? readShebang(path) : null;
  }
}

/** The first line, or what it should be if it names a program that does not exist. */
async function usable(shebang: Shebang, path: string, store: Store): Promise<Shebang> {
  const tree = { subjects: [] };
  const files = new native.Files("");
  // A program that exists but does not start is the one to be helped.
  const surroundings = { files, place: store.place, host: null, tree, environments: [] };
  const problem = await scriptProblem(shebang, surroundings);
  if (problem === null || problem.kind === "not-usable") return shebang;
  const line = await lineFor(shebang, problem, tree, store);
  if ("refusal" in line) {
    const { code, message } = line.refusal;
    throw new FixelfError(code, `${path}: ${message}`, { path });
  }
  return parseShebang(bytesOf(`#!${line.text}\n`)) as Shebang;
}

function startedByEnv(interpreter: string, argument: string | null, store: Store): string[] {
  if (!isEnv(interpreter) || argument === null) return [];
  const command = parseEnv(argument);
  if (command === null) return [];
  const { program, directory = "" } = command;
  const isRelative = !program.startsWith("/");
  const found = program.includes("/")
    ? join(isRelative ? directory : "", program)
    : programIn(directoriesOfEnv(command, store.place), program, store.place);
  return found === null ? [] : [found];
}
