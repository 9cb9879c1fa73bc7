// What a script's first line should be, as nixpkgs' patchShebangs would write it: the interpreter by its store path. A
// line that works is left alone.
import { basename } from "node:path";
import { native } from "../addon/native.js";
import { bytesOf } from "../base/bytes.js";
import type { FixelfErrorCode } from "../base/errors.js";
import type { ChoiceOptions } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import { refusalOfLayout } from "../doctor/unchanged.js";
import { isEnv, parseEnv, parseShebang, type Shebang } from "../file/shebang.js";
import type { Subject, Tree } from "../file/tree.js";
import {
  comesAlong,
  irreplaceable,
  isComment,
  isMisread,
  programInTree,
  type ScriptProblem,
  type ScriptSurroundings,
  scriptProblem,
} from "../judge/script.js";
import type { Store } from "../store/context.js";
import { packageOfProgram } from "../store/nixpkgs/program_packages.js";
import { storePathOf } from "../store/place.js";
import { findProgram } from "../store/programs.js";
import type { FilePlan } from "./outcome.js";

/** `empty` is the plan to fill in, for a file about which nothing is known yet. */
export async function planScript(
  subject: Subject,
  { tree, store, options }: { tree: Tree; store: Store; options: ChoiceOptions },
  surroundings: ScriptSurroundings,
  empty: FilePlan,
): Promise<FilePlan> {
  const shebang = subject.shebang as Shebang;
  const plan: FilePlan = { ...empty, script: true };
  const { files } = surroundings;
  const found = await scriptProblem(shebang, surroundings);
  // The same plan fixes an interpreter that is part of the tree.
  const comes = ({ unstartable }: ScriptProblem) =>
    unstartable !== undefined && comesAlong(unstartable.path, tree, files);
  const problem = found && (comes(found) ? null : found);
  if (problem && irreplaceable(problem)) return { ...plan, refusal: unsolved(problem, options) };
  const line =
    problem === null
      ? { text: shebang.text, reasons: ["its first line names a program that exists"] }
      : await lineFor(shebang, problem, tree, store);
  if ("refusal" in line) return { ...plan, refusal: line.refusal };
  if (line.text === shebang.text && problem !== null)
    return { ...plan, refusal: unsolved(problem, options) };
  plan.reasons = line.reasons;
  const written = parseShebang(bytesOf(`#!${line.text}\n`)) as Shebang;
  plan.storePaths = storePathsIn(written, store);
  if (line.text !== shebang.text) {
    const left = await scriptProblem(written, surroundings);
    if (left !== null && !comes(left))
      return { ...plan, refusal: refusal("unsolvable", left.message) };
    plan.edits = [{ what: "shebang", from: `#!${shebang.text}`, to: `#!${line.text}` }];
  }
  // With --output, even a file that needs no change is expected to arrive there.
  if (plan.edits.length === 0 && plan.output === plan.host) return plan;
  try {
    plan.layout = await native.layOutFirstLine(subject.host, shebang.text, line.text);
    return plan;
  } catch (caught) {
    return { ...plan, edits: [], refusal: refusalOfLayout(caught, subject, options) };
  }
}

/** With the command that helps an interpreter which exists but does not start. */
function unsolved({ message, unstartable }: ScriptProblem, options: ChoiceOptions) {
  if (unstartable === undefined) return refusal("unsolvable", message);
  const remedy = unstartable.remedy ?? fixelfCommand("fix", unstartable.path, options);
  return refusal("unsolvable", `${message}; ${remedy}`);
}

type Line = { text: string; reasons: string[] } | { refusal: NonNullable<FilePlan["refusal"]> };

/** What a script's first line, without its "#!", must be to name an interpreter that exists. */
export async function lineFor(
  shebang: Shebang,
  problem: ScriptProblem,
  tree: Pick<Tree, "subjects">,
  store: Store,
): Promise<Line> {
  const { interpreter, argument } = shebang;
  if (problem.kind === "carriage-return") {
    const advice = "sed -i 's/\\r$//' takes them off, and then it can be fixed";
    return refuse("unsupported", `its lines end in carriage returns: ${advice}`);
  }
  if (problem.kind === "starts-itself")
    return refuse("unsupported", `${problem.message}; write ${problem.meant}`);
  if (["too-long", "none-named", "not-words"].includes(problem.kind))
    return refuse("unsupported", problem.message);
  if (!isEnv(interpreter) || argument === null) {
    const found =
      problem.kind === "not-split"
        ? { path: interpreter, reason: "it is there" }
        : await lookUp(basename(interpreter), tree, store);
    if (found === null) return notProvided(basename(interpreter));
    const reasons = [`${found.path}: ${found.reason}`];
    if (argument === null || (isComment(argument) && isMisread(found.path, argument)))
      return { text: found.path, reasons };
    if (!isMisread(found.path, argument)) return { text: `${found.path} ${argument}`, reasons };
    const splitter = await lookUp("env", tree, store);
    if (splitter === null) return notProvided("env");
    return {
      text: `${splitter.path} -S ${found.path} ${argument}`,
      reasons: [...reasons, `${splitter.path} -S: it splits what Linux hands over as one argument`],
    };
  }
  const command = parseEnv(argument);
  if (command === null) {
    const message = `it cannot be told for sure which program "${argument}" makes env start`;
    return refuse("unsupported", message);
  }
  // Without -S, env takes all of it as a name; a program and its argument were meant.
  const [program = "", rest = ""] = command.split
    ? [command.program, command.after]
    : splitOnce(command.program);
  const found = await lookUp(basename(program), tree, store);
  if (found === null) return notProvided(basename(program));
  const reasons = [`${found.path}: ${found.reason}`];
  if (!command.split) return { text: found.path + rest, reasons };
  const env = await lookUp("env", tree, store);
  if (env === null) return notProvided("env");
  if (env.path !== interpreter) reasons.push(`${env.path}: ${env.reason}`);
  return { text: `${env.path} ${command.before}${found.path}${rest}`, reasons };
}

function splitOnce(text: string): [string, string] {
  const blank = text.search(/[ \t]/);
  return blank === -1 ? [text, ""] : [text.slice(0, blank), text.slice(blank)];
}

async function lookUp(
  name: string,
  tree: Pick<Tree, "subjects">,
  store: Store,
): Promise<{ path: string; reason: string } | null> {
  const own = programInTree(name, tree.subjects);
  return own === undefined
    ? findProgram(name, store)
    : { path: own, reason: "it comes with the script, and has to stay where it is" };
}

function storePathsIn({ interpreter, argument }: Shebang, { place }: Store): string[] {
  const words = [interpreter, ...(isEnv(interpreter) ? (argument?.split(/[ \t]+/) ?? []) : [])];
  return [...new Set(words.flatMap((word) => storePathOf(word, place.store) ?? []))];
}

function notProvided(name: string): Line {
  const found = packageOfProgram(name);
  const known = found === null ? "" : `; it is in ${found}`;
  return refuse("unsolvable", `neither PATH nor the store provides ${name}${known}`);
}

function refuse(code: FixelfErrorCode, message: string): Line {
  return { refusal: refusal(code, message) };
}

function refusal(code: FixelfErrorCode, message: string): NonNullable<FilePlan["refusal"]> {
  return { code, message, failed: false };
}
