// How a program can be run now, with its file untouched: the first way that keeps what programs
// rely on.
import { access, constants, realpath } from "node:fs/promises";
import { fromNative, native, settled } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import type { EnvironmentOptions } from "../environment/environment.js";
import { environment } from "../environment/environment.js";
import { startCopy } from "./copy.js";
import { startByLoader } from "./direct.js";
import { startInNamespace } from "./namespace.js";
import { names, type Running, type Start, type Way, ways, words } from "./start.js";

export interface RunOptions extends Omit<EnvironmentOptions, "root"> {
  /** This way, and no other. */
  how?: Way;
  /** Programs and libraries that it will load or start; what they need is there as well. */
  with?: readonly string[];
}

/** What this process has to become for the program to run. */
export interface RunPlan extends Start {
  how: Way | "as-is";
  why: string;
  /** The ways that are better and can't be gone. */
  passedOver: { how: Way; why: string }[];
}

/**
 * Prepares a way to run a program: after it, only `become` is left to do.
 * @param path as it is to be argv[0]
 * @throws FixelfError `unsolvable` or `unsupported` where there is no way, `not-found`, `not-elf`,
 *   `permission-denied`
 */
export async function planRun(
  path: string,
  args: readonly Uint8Array[],
  options: RunOptions = {},
): Promise<RunPlan> {
  const asIs = { file: path, arguments: [...words(path), ...args], limits: [], passedOver: [] };
  const { how, with: others = [], ...rest } = options;
  const found = await environment([path, ...others], rest);
  const problem = found.problems.find((each) => each.path === path) ?? found.problems[0];
  if (problem !== undefined) {
    const { code, message } = problem;
    throw new FixelfError(code, `${problem.path}: ${message}`, { path: problem.path });
  }
  const file = await realpath(path);
  const program = found.programs.find((each) => each.file === file);
  const system = found.systems.find((each) => each.system === program?.system);
  const facts = await settled(native.inspect(file));
  if (facts.type === "shared-library" || facts.type === "relocatable" || facts.type === "core")
    throw new FixelfError("unsupported", `${path}: it is no program (${facts.type})`, { path });
  if (how !== "loader") await mustBeExecutable(file, path);
  if (program === undefined || system === undefined || program.runsAsItIs) {
    const why = program === undefined ? "it needs no loader" : "all that it needs is there";
    return { how: "as-is", why, ...asIs };
  }
  const running: Running = {
    named: path,
    file,
    facts,
    program,
    environment: system,
    arguments: args,
  };
  return firstWay(running, how);
}

async function firstWay(running: Running, forced: Way | undefined): Promise<RunPlan> {
  const passedOver: RunPlan["passedOver"] = [];
  for (const how of forced === undefined ? ways : [forced]) {
    try {
      const start = await starts[how](running, forced !== undefined);
      return { how, why: forced === undefined ? reasons[how] : "as asked", passedOver, ...start };
    } catch (caught) {
      const { message } = fromNative(caught);
      passedOver.push({ how, why: message });
    }
  }
  const whys = passedOver.map(({ how, why }) => `${names[how]}: ${why}`);
  const message = `${running.named}: there is no way to run it; ${whys.join("; ")}`;
  throw new FixelfError("unsupported", message, { path: running.named });
}

const starts: Record<Way, (running: Running, forced: boolean) => Promise<Start>> = {
  namespace: startInNamespace,
  copy: startCopy,
  loader: startByLoader,
};

const reasons: Record<Way, string> = {
  namespace: "there the loader is where the program looks for it, and the file is the file itself",
  copy: "argv[0] and its neighbours are as ever",
  loader: "nothing else is possible",
};

async function mustBeExecutable(file: string, path: string): Promise<void> {
  await access(file, constants.X_OK).catch((cause: unknown) => {
    const message = `${path}: it may not be executed; allow it with chmod +x`;
    throw new FixelfError("permission-denied", message, { path, cause });
  });
}
