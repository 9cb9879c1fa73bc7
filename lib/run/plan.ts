// How a program can be run now, without touching its file: the first way that preserves what programs rely on.
import { underSignal } from "../addon/cancellation.js";
import { fromNative } from "../addon/native.js";
import { checkOptions, checkPath, checkTexts } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";
import { choiceKinds } from "../base/options.js";
import { storeFor } from "../choose/choice.js";
import { startCopy } from "./copy.js";
import { startByLoader } from "./direct.js";
import { mustBeExecutable } from "./executable.js";
import { fhsLook } from "./fhs.js";
import { startInNamespace } from "./namespace.js";
import { needsOf } from "./needs.js";
import {
  type NeedyRunning,
  names,
  type Running,
  type RunOptions,
  type Start,
  type Way,
  ways,
} from "./start.js";
import { targetOf } from "./target.js";

/** What this process has to become for the program to run. */
export interface RunPlan extends Start {
  /** The way; `as-is` if nothing has to be done. */
  how: Way | "as-is";
  /** Why this way, in a sentence. */
  why: string;
  /** The ways that would be better but are not possible: `how`, and `why` not. */
  passedOver: { how: Way; why: string }[];
  /** What in `with` cannot be helped, one sentence each. */
  unserved: readonly string[];
  /** Variables that it gets in addition to those of this process. */
  variables: Record<string, string>;
}

/**
 * Prepares a way to run a program: only `become` is then left to do.
 * @param named as argv[0] is to be: a path, or a name to look for on the PATH; for a script, its interpreter is started
 * @throws FixelfError `unsolvable` or `unsupported` if there is no way, `not-found`, `not-elf`, `permission-denied`
 */
export async function planRun(
  named: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunPlan> {
  checkPath("planRun", named);
  checkTexts("planRun", "the arguments", args);
  checkOptions<RunOptions>("planRun", options, {
    ...choiceKinds,
    how: ways,
    with: "list of paths",
    fhs: "boolean",
  });
  return underSignal(options.signal, () => planFor(named, args, options));
}

async function planFor(
  named: string,
  args: readonly string[],
  { how, with: others = [], fhs = false, ...choice }: RunOptions,
): Promise<RunPlan> {
  const store = storeFor(choice);
  const target = await targetOf(named, store);
  const { path, script } = target;
  const needs = await needsOf(path, store, {
    others: [...target.starts, ...others],
    startsAnything: script || fhs,
    choice,
  });
  // For a script, both are checked (fs/exec.c, do_open_execat).
  if (how !== "loader")
    for (const each of new Set([target.named, path]))
      await mustBeExecutable(each, "copy it to another one");
  const { links, variables } = fhs ? await fhsLook(store) : { links: [], variables: {} };
  const all = [...target.arguments, ...args];
  const { unserved } = needs;
  const asIs = (why: string, limits: readonly string[]): RunPlan => ({
    ...{ how: "as-is", why, passedOver: [], unserved, variables },
    ...{ file: path, arguments: all, descriptors: [], limits: [...limits] },
  });
  const { environment } = needs;
  if (environment === null && links.length === 0) return asIs("all that it needs is there", []);
  const running: Running = { ...needs, environment, path, links, arguments: all };
  try {
    return { ...(await firstWay(running, how)), unserved, variables };
  } catch (caught) {
    // Only for a script's interpreter, when it was not specified what it will start.
    const isAsked = needs.isNeedy || needs.findable.length > 0 || how !== undefined || fhs;
    if (!script || isAsked) throw caught;
    const limit = `what it starts may find no loader: ${fromNative(caught).message}`;
    return asIs("the script's interpreter needs nothing", [limit]);
  }
}

async function firstWay(
  running: Running,
  forced: Way | undefined,
): Promise<Omit<RunPlan, "unserved" | "variables">> {
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
  const message = `${running.path}: there is no way to run it; ${whys.join("; ")}`;
  throw new FixelfError("unsupported", message, { path: running.path });
}

type Starter = (running: Running, forced: boolean) => Promise<Start>;

const starts: Record<Way, Starter> = {
  namespace: startInNamespace,
  copy: forItself(startCopy),
  loader: forItself(startByLoader),
};

/** A way that helps the program alone, and nothing that it starts. */
function forItself(start: (running: NeedyRunning, forced: boolean) => Promise<Start>): Starter {
  return async (running, forced) => {
    const { environment, isNeedy, links } = running;
    if (environment !== null && isNeedy && links.length === 0)
      return start({ ...running, environment }, forced);
    const message = "it helps only the program itself, not what the program starts or looks for";
    throw new FixelfError("unsupported", message);
  };
}

const reasons: Record<Way, string> = {
  namespace: "there the loader is where the program looks for it, and the file is the file itself",
  copy: "argv[0] and the files beside the program are as usual",
  loader: "nothing else is possible",
};
