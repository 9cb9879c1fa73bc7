// One invocation of patchelf: answers on stdout, talk on stderr, 0 or 1.
import type { Facts } from "../../addon/facts.js";
import { fromNative, native } from "../../addon/native.js";
import { readFileSync, statSync } from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { writeFully } from "../../base/write_fully.js";
import { isOpenedByLoaders } from "../../file/kind.js";
import { answers } from "./answers.js";
import { parse, type Request } from "./arguments.js";
import type { Talk } from "./change.js";
import { PatchelfFailure, systemFailure } from "./failure.js";

/** The version whose options, output and exit codes these are. */
const version = "patchelf 0.19.0";

/**
 * Does what patchelf does with these arguments; the answer is its exit code.
 * @param shown makes a line of talk, which names files, safe for a terminal
 */
export async function patchelf(
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

async function patch(file: string, request: Request, talk: Talk): Promise<void> {
  if (request.questions.size === 0) talk.debug(`patching ELF file '${file}'`);
  const facts = await factsOf(file);
  for await (const line of answers(request, facts)) print(line);
  if (!asksForChange(request)) return;
  // What only reads need not load what writes.
  const { change } = await import("./change.js");
  await change(file, facts, request, talk);
}

async function factsOf(file: string): Promise<Facts> {
  // The addon takes no empty path.
  const facts = await native
    .inspect(file || ".")
    .catch((failure: unknown) => Promise.reject(unreadable(file, fromNative(failure))));
  if (!isOpenedByLoaders(facts)) throw new PatchelfFailure("wrong ELF type");
  return facts;
}

/** Why a file can't be read, in patchelf's words where it has some. */
function unreadable(file: string, failure: FixelfError): Error {
  let size = 0;
  try {
    const state = statSync(file);
    if (state.isDirectory()) return new PatchelfFailure(`reading '${file}': Is a directory`);
    size = state.size;
  } catch (cause) {
    return systemFailure(`getting info about '${file}'`, cause);
  }
  if (failure.code === "permission-denied")
    return new PatchelfFailure(`opening '${file}': Permission denied`);
  if (size < smallestHeader) return new PatchelfFailure("missing ELF header");
  return failure.code === "not-elf" ? new PatchelfFailure("not an ELF executable") : failure;
}

/** Bytes; Elf32_Ehdr. */
const smallestHeader = 52;

/** Whether anything but questions was asked. */
function asksForChange(request: Request): boolean {
  const { rpath, executableStack } = request;
  return (
    [request.output, request.interpreter, request.osAbi, request.soname].some(
      (value) => value !== null,
    ) ||
    [
      request.removeNeeded,
      request.replaceNeeded,
      request.addNeeded,
      request.clearSymbolVersions,
    ].some(({ size }) => size > 0) ||
    request.nameMaps.length > 0 ||
    [
      ...Object.values(rpath),
      ...Object.values(executableStack),
      request.noDefaultLibraries,
      request.debugEntry,
      request.resolutionCache,
    ].includes(true)
  );
}

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
