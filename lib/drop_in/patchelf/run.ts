// One invocation of patchelf: answers on stdout, talk on stderr, 0 or 1.
import { readFileSync, statSync } from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { writeFully } from "../../base/write_fully.js";
import type { NoCache } from "../../edit/request.js";
import { answers } from "./answers.js";
import { parse, type Request } from "./arguments.js";
import { systemFailure } from "./failure.js";
import { asksForChange } from "./options.js";
import { readFile } from "./read.js";

/** Two ways to be talked to: always, and with --debug. */
interface Talk {
  say(text: string): void;
  debug(text: string): void;
}

/** The version whose options, output and exit codes these are. */
const version = "patchelf 0.19.0";

/**
 * Does what patchelf does with these arguments; the answer is its exit code.
 * @param shown makes a line of talk, which names files, safe for a terminal
 */
export async function runPatchelf(
  words: readonly string[],
  shown: (text: string) => string,
): Promise<number> {
  const talk = (text: string) => say(shown(text));
  try {
    const invocation = parse(words, contentOf);
    if ("help" in invocation) {
      const { help } = await import("./help.js");
      say(help);
      return invocation.help === "asked" ? 0 : 1;
    }
    if ("version" in invocation) {
      print(version);
      return 0;
    }
    const debugging = invocation.debug || process.env.PATCHELF_DEBUG !== undefined;
    const debug = debugging ? talk : () => {};
    for (const file of invocation.files) await patch(file, invocation, { say: talk, debug });
    return 0;
  } catch (failure) {
    talk(`patchelf: ${messageOf(failure)}`);
    return 1;
  }
}

async function patch(file: string, request: Request, { say, debug }: Talk): Promise<void> {
  if (request.questions.size === 0) debug(`patching ELF file '${file}'`);
  const facts = await readFile(file);
  for await (const line of answers(request, facts)) print(line);
  const { options, nameMaps } = request;
  if (!asksForChange(options) && nameMaps.length === 0) return;
  // What only reads need not load what writes.
  const [{ change }, { readNameMap }] = await Promise.all([
    import("./change.js"),
    import("./name_map.js"),
  ]);
  const renameDynamicSymbols = nameMaps.flatMap(readNameMap);
  const outcome = await change(file, facts, { ...options, renameDynamicSymbols });
  for (const reason of outcome.reasons) debug(reason);
  if (outcome.noCache !== null) say(noCacheText(outcome.noCache));
  debug(outcome.outcome === "changed" ? `writing ${options.output ?? file}` : "not modified");
}

/** For patchelf no failure. */
function noCacheText(why: NoCache): string {
  return `warning: --build-resolution-cache: ${noCacheReasons[why]}; no cache written`;
}

const noCacheReasons: Record<NoCache, string> = {
  "no-dynamic-table": "no dynamic section (statically linked?)",
  "nothing-to-resolve": "no DT_NEEDED entries or run path to resolve",
  "nothing-found": "no libraries resolved against the run path",
};

function contentOf(file: string): string {
  try {
    statSync(file);
  } catch (cause) {
    throw systemFailure(`getting info about '${file}'`, cause);
  }
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw systemFailure(`opening '${file}'`, cause);
  }
}

function messageOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const path = FixelfError.is(failure) ? failure.path : undefined;
  return path === undefined || failure.message.includes(path)
    ? failure.message
    : `${path}: ${failure.message}`;
}

function print(text: string): void {
  if (!writeFully(1, `${text}\n`)) process.exit(0);
}

function say(text: string): void {
  if (!writeFully(2, `${text}\n`)) process.exit(0);
}
