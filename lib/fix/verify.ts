// After writing: does the file now contain what was planned, and does the real loader agree?
import type { Resolution } from "../addon/facts.js";
import {
  type Command,
  type CommandEnd,
  fromNative,
  type NativeFiles,
  native,
} from "../addon/native.js";
import { stat } from "../base/disk.js";
import { isOfTheMoment } from "../base/errors.js";
import { isTakenByLoaders } from "../file/kind.js";
import { sameMachine, thisMachine } from "../file/machine.js";
import { readShebang } from "../file/tree.js";
import { type Host, thisHost } from "../judge/host.js";
import { problemsOf } from "../judge/judge.js";
import { isError, type Problem } from "../judge/problem.js";
import { scriptProblem } from "../judge/script.js";
import { type Start, startOf } from "../judge/start.js";
import { inStore, type StorePlace } from "../store/place.js";
import type { FilePlan } from "./outcome.js";

/** How long a loader may take (ms). */
const patience = 20_000;
/** How many files are checked at once: what is known about each is held until its loader has answered. */
const mostAtOnce = 1024;

export interface Verification {
  /** Our own reading of the new bytes. */
  readsAsPlanned: boolean;
  /** null if the loader cannot be run: it is for another machine, or under a root. */
  loaderAgrees: boolean | null;
  /** What is wrong, or why the loader was not run. */
  reason: string | null;
  /** What no search path helps with, or what the caller chose to ignore: it still does not start. */
  remaining: Pick<Problem, "message">[];
}

/** A file that was written. */
export interface Written {
  file: FilePlan;
  /** As seen from the root. */
  path: string;
}

export interface VerifyOptions {
  /** Must not have read anything before the writing. */
  files: NativeFiles;
  place: StorePlace;
  isIgnored: (soname: string) => boolean;
}

interface Surroundings extends VerifyOptions {
  /** null if the files belong to another system's root. */
  host: Host | null;
}

/** What the loader has yet to be asked. */
interface Question {
  command: Command;
  resolution: Resolution;
  remaining: Problem[];
}

/**
 * Runs the pipeline again over files that were written, and has the loader of each list its libraries. The results are
 * in the order of the files.
 *
 * `ld.so --list` maps what it lists, and runs none of its code: without LD_WARN, which is not set here, glibc's prints
 * and exits before it relocates anything, so that no IFUNC resolver or constructor is called (dl_main in elf/rtld.c;
 * with LD_WARN it would relocate with __RTLD_NOIFUNC). musl's relocates, but has no IFUNC support, and exits before
 * constructors (__dls3 in ldso/dynlink.c). But glibc's does run audit libraries: if a file has any, its loader is not
 * run.
 */
export async function verify(
  written: readonly Written[],
  options: VerifyOptions,
): Promise<Verification[]> {
  const surroundings = { ...options, host: options.place.root === "" ? thisHost() : null };
  const answers: Verification[] = [];
  for (let start = 0; start < written.length; start += mostAtOnce)
    answers.push(...(await verifySome(written.slice(start, start + mostAtOnce), surroundings)));
  return answers;
}

async function verifySome(
  written: readonly Written[],
  surroundings: Surroundings,
): Promise<Verification[]> {
  const read = await Promise.all(
    written.map((each) => readAnew(each, surroundings).catch(unreadNow)),
  );
  const questions = read.filter((each) => "command" in each);
  const ends = await native.run(
    questions.map(({ command }) => command),
    patience,
  );
  const said = new Map(questions.map((question, index) => [question, ends[index]]));
  return Promise.all(
    read.map((each) =>
      "command" in each ? compared(each, said.get(each) as CommandEnd | Error) : each,
    ),
  );
}

/** Our own reading and, if that is good, the question for the loader. */
async function readAnew(
  { file, path }: Written,
  { files, place, isIgnored, host }: Surroundings,
): Promise<Verification | Question> {
  const { facts, message } = files.look(path);
  if (facts === null) return misread(message);
  const isLibrary = facts.type === "shared-library";
  const judged = { path, shown: file.path, host: file.output, facts };
  const asked = { assumed: file.loader, environment: {}, host: file.output };
  let start: Start;
  try {
    start = await startOf(path, facts, files, { ...asked, opener: file.opener });
  } catch (caught) {
    if (isOfTheMoment(caught)) throw caught;
    return misread(fromNative(caught).message);
  }
  const problems = (await problemsOf(judged, start, { files, place, host })).filter(isError);
  const remaining = problems.filter(
    ({ need }) => need === null || (need.kind === "library" && isIgnored(need.library.soname)),
  );
  const wrong = problems.find((problem) => !remaining.includes(problem));
  if (wrong !== undefined) return misread(wrong.message);
  const loader = isLibrary ? file.loader : facts.interpreter;
  if (place.root !== "") return notAsked("it belongs to another system's root", remaining);
  if (!sameMachine(facts, thisMachine())) return notAsked("it is for another machine", remaining);
  if (loader === null) return notAsked("no loader is known for it", remaining);
  if (!isLibrary && !isTakenByLoaders(facts))
    return notAsked("the kernel takes its e_ident, and a loader that is asked does not", remaining);
  if (loader !== file.trustedLoader) {
    const why = `${loader} is not from the store, and no other code is ever run`;
    return notAsked(why, remaining);
  }
  const loaded = start.resolution.libraries.flatMap((library) => library.path ?? []);
  if (file.opener !== null) {
    const { resolution } = await startOf(path, facts, files, asked);
    const alone = resolution.libraries.filter((library) => library.path !== null);
    if (alone.length < loaded.length)
      return notAsked(`it needs what ${file.opener} has loaded before`, remaining);
  }
  const audited = files.firstAudited([path, ...loaded]);
  if (audited !== null)
    return notAsked(`it would run the audit libraries that ${audited} names`, remaining);
  // The store is trusted, whoever owns it.
  const subjects = [file.output, loader, ...loaded].filter((each) => !inStore(each, place.store));
  return questionTo(loader, file.output, subjects, start.resolution, remaining);
}

/** A written file that could not be read again for lack of descriptors counts as written as planned. */
function unreadNow(failure: unknown): Verification {
  if (!isOfTheMoment(failure)) throw failure;
  return notAsked(fromNative(failure).message, []);
}

function misread(reason: string): Verification {
  return { readsAsPlanned: false, loaderAgrees: null, reason, remaining: [] };
}

/** Whether a script's first line now leads to a program. That the program starts is for its own plan to achieve. */
export async function verifyScript(
  file: FilePlan,
  files: NativeFiles,
  place: StorePlace,
): Promise<Verification> {
  const shebang = readShebang(file.output);
  const none = { message: "its first line cannot be read" };
  const host = place.root === "" ? thisHost() : null;
  const surroundings = { files, place, host, tree: { subjects: [] }, environments: [{}] };
  const problem = shebang === null ? none : await scriptProblem(shebang, surroundings);
  if (problem !== null && "unstartable" in problem)
    return { readsAsPlanned: true, loaderAgrees: true, reason: null, remaining: [problem] };
  const reads = problem === null;
  const reason = problem?.message ?? null;
  return { readsAsPlanned: reads, loaderAgrees: reads, reason, remaining: [] };
}

function notAsked(why: string, remaining: Problem[]): Verification {
  const reason = `the loader was not asked: ${why}`;
  return { readsAsPlanned: true, loaderAgrees: null, reason, remaining };
}

function questionTo(
  loader: string,
  host: string,
  subjects: readonly string[],
  resolution: Resolution,
  remaining: Problem[],
): Verification | Question {
  // --list gives up at the first missing library (glibc 2.36); the tracing on which it is based goes on.
  const goesOn = resolution.libraries.some(({ path }) => path === null);
  // musl has no tracing: it would run the program.
  if (goesOn && resolution.libc !== "glibc")
    return notAsked("libraries are left out on purpose", remaining);
  // None of our LD_… variables may affect the answer.
  const command = goesOn
    ? {
        file: loader,
        arguments: [host],
        environment: ["LD_TRACE_LOADED_OBJECTS=1"],
        subjects,
      }
    : { file: loader, arguments: ["--list", host], environment: [], subjects };
  return { command, resolution, remaining };
}

async function compared(
  { resolution, remaining }: Question,
  end: CommandEnd | Error,
): Promise<Verification> {
  if (isOfTheMoment(end)) return notAsked(fromNative(end).message, remaining);
  if (lacksRights(end))
    return notAsked(
      "exitCode" in end ? "who could change it may not do that here" : end.message,
      remaining,
    );
  const disagrees = (reason: string): Verification => ({
    readsAsPlanned: true,
    loaderAgrees: false,
    reason,
    remaining,
  });
  if (!("exitCode" in end) || end.exitCode !== 0) {
    const said =
      "exitCode" in end
        ? end.errors || end.output || (end.exitCode === null ? "nothing, and was ended" : "nothing")
        : end.message;
    const [line] = said.trim().split("\n", 1);
    return disagrees(`the loader says: ${line}`);
  }
  const listed = parseList(end.output);
  for (const library of resolution.libraries) {
    if (library.path === null) continue;
    const theirs = listed.get(library.soname);
    if (theirs === undefined) continue; // the loader lists only once what it finds already loaded
    if (theirs === null || !(await isSameFile(theirs, library.path)))
      return disagrees(
        `the loader takes ${library.soname} from ${theirs ?? "nowhere"}, not ${library.path}`,
      );
  }
  return { readsAsPlanned: true, loaderAgrees: true, reason: null, remaining };
}

/** Root runs it as the user who could change the file, who may not reach everything that root can. */
function lacksRights(end: CommandEnd | Error): boolean {
  if (process.geteuid?.() !== 0) return false;
  return !("exitCode" in end) || (end.exitCode !== 0 && /Permission denied/.test(end.errors));
}

/** Lines such as "\tlibz.so.1 => /lib/libz.so.1 (0x00007f…)"; null for "=> not found". */
function parseList(output: string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const line of output.split("\n")) {
    const missing = /^\s+(\S+) => not found$/.exec(line);
    if (missing?.[1] !== undefined) found.set(missing[1], null);
    const match = /^\s+(\S+) => (\/.*?) \(0x[0-9a-f]+\)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[1], match[2]);
  }
  return found;
}

/** Whether two paths lead to the same file: a file may have several names, and a name several spellings. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([identityOf(one), identityOf(other)]);
  return first !== null && first === second;
}

async function identityOf(path: string): Promise<string | null> {
  const state = await stat(path, { bigint: true }).catch(() => null);
  return state === null ? null : `${state.dev}:${state.ino}`;
}
