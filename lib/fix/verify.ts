// After writing: does the file now say what was planned, and does the real loader agree?
import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { promisify } from "node:util";
import { scriptProblem } from "../doctor/script.js";
import type { Facts, Resolution } from "../facts.js";
import { sameMachine, thisMachine } from "../machine.js";
import { fromNative, type NativeFiles, native } from "../native.js";
import type { StorePlace } from "../store/place.js";
import { readShebang } from "../subject.js";
import type { FilePlan } from "./outcome.js";

const run = promisify(execFile);

export interface Verification {
  /** Our own reading of the new bytes. */
  readsAsPlanned: boolean;
  /** null where the loader cannot be asked: another machine's, or under a root. */
  loaderAgrees: boolean | null;
  /** What is wrong, or why the loader was not asked. */
  reason: string | null;
}

/**
 * Runs the pipeline again over a file that was written, and has the loader list its libraries
 * (`ld.so --list`, which maps them but runs no code of the program's). `files` must not have read
 * anything before the writing.
 */
export async function verify(
  path: string,
  host: string,
  files: NativeFiles,
  root: string,
  assumedLoader: string | null,
  isIgnored: (soname: string) => boolean,
): Promise<Verification> {
  let facts: Facts;
  let resolution: Resolution;
  try {
    facts = await native.inspect(host);
    const isLibrary = facts.type === "shared-library";
    const options = isLibrary && assumedLoader !== null ? { interpreter: assumedLoader } : {};
    resolution = await files.resolve(path, options);
  } catch (caught) {
    return { readsAsPlanned: false, loaderAgrees: null, reason: fromNative(caught).message };
  }
  const missing = resolution.libraries.find(
    (library) => library.path === null && !library.optional && !isIgnored(library.soname),
  );
  const unversioned = resolution.versionProblems.find(({ weak }) => !weak);
  if (missing !== undefined || unversioned !== undefined) {
    const reason = missing
      ? `${missing.soname} is not found`
      : `${unversioned?.library} does not define ${unversioned?.version}`;
    return { readsAsPlanned: false, loaderAgrees: null, reason };
  }
  const loader = facts.type === "shared-library" ? assumedLoader : facts.interpreter;
  if (root !== "") return notAsked("it belongs to another system's root");
  if (!sameMachine(facts, thisMachine())) return notAsked("it is for another machine");
  if (loader === null) return notAsked("no loader is known for it");
  return askLoader(loader, host, resolution);
}

/** Whether a script's first line now leads to a program that can be run; no loader has a say in it. */
export function verifyScript(file: FilePlan, files: NativeFiles, place: StorePlace): Verification {
  const shebang = readShebang(file.output);
  const none = { message: "its first line cannot be read" };
  const problem =
    shebang === null ? none : scriptProblem(shebang, { files, place, tree: { subjects: [] } });
  const reads = problem === null;
  return { readsAsPlanned: reads, loaderAgrees: reads, reason: problem?.message ?? null };
}

function notAsked(why: string): Verification {
  return { readsAsPlanned: true, loaderAgrees: null, reason: `the loader was not asked: ${why}` };
}

async function askLoader(
  loader: string,
  host: string,
  resolution: Resolution,
): Promise<Verification> {
  // No LD_… of ours may change the answer. --list gives up at the first library that is missing
  // (glibc 2.36); what it does for its caller, tracing, goes on.
  const goesOn = resolution.libraries.some(({ path }) => path === null);
  // musl knows no tracing: it would run the program.
  if (goesOn && resolution.libc !== "glibc") return notAsked("libraries are left out on purpose");
  const args = goesOn ? [host] : ["--list", host];
  const env: NodeJS.ProcessEnv = goesOn ? { LD_TRACE_LOADED_OBJECTS: "1" } : {};
  let output: string;
  try {
    ({ stdout: output } = await run(loader, args, { env, timeout: 20_000 }));
  } catch (caught) {
    const { stderr = "", stdout = "", message } = caught as Error & Record<string, string>;
    const said = (stderr || stdout || message).trim().split("\n", 1)[0];
    return { readsAsPlanned: true, loaderAgrees: false, reason: `the loader says: ${said}` };
  }
  const listed = parseList(output);
  for (const library of resolution.libraries) {
    if (library.path === null) continue;
    const theirs = listed.get(library.soname);
    if (theirs === undefined) continue; // the loader names what is found as loaded only once
    if (theirs === null || (await real(theirs)) !== (await real(library.path))) {
      const reason = `the loader takes ${library.soname} from ${theirs ?? "nowhere"}, not ${library.path}`;
      return { readsAsPlanned: true, loaderAgrees: false, reason };
    }
  }
  return { readsAsPlanned: true, loaderAgrees: true, reason: null };
}

/** Lines such as "\tlibz.so.1 => /lib/libz.so.1 (0x00007f…)"; null for "=> not found". */
export function parseList(output: string): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const line of output.split("\n")) {
    const missing = /^\s+(\S+) => not found$/.exec(line);
    if (missing?.[1] !== undefined) found.set(missing[1], null);
    const match = /^\s+(\S+) => (\/.*?) \(0x[0-9a-f]+\)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[1], match[2]);
  }
  return found;
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
