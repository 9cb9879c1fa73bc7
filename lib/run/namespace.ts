// A user and mount namespace in which the loader is where the program looks for it. The program is the original file,
// so /proc/self/exe, argv[0], $ORIGIN and a payload are right, and no variable is set.
//
// The loader there is a copy that reads its list of libraries (ld.so.cache; for musl, of directories) from a file in
// the namespace. Nothing else could pass it on as well: variables would reach children, and the store's own files,
// which Nix-built children use too, stay as they are.
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { getSystemErrorMap } from "node:util";
import { fromNative, native } from "../addon/native.js";
import { bytesOf, textOf } from "../base/bytes.js";
import { closeSync, readFile, readFileSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { workingDirectory } from "../base/process.js";
import type { SystemEnvironment } from "../environment/environment.js";
import { findableDirectories, findableLibraries } from "../environment/findable.js";
import { placeOf } from "../store/place.js";
import { programDirectories, programIn } from "../store/programs.js";
import { type Addition, type ComposedRoot, composedRoot, type RootStep } from "./composed_root.js";
import { libraryCache } from "./library_cache.js";
import { isOwnCopy, ownCache, ownPathFile, withOwnCache, withOwnPathFile } from "./loader_copy.js";
import type { Running, Start } from "./start.js";

/** Something placed over an existing file, without affecting anything outside. */
type Cover = { do: "cover"; content: Uint8Array; place: string };
type Step = RootStep | Cover;

/** @throws FixelfError with the reason why it cannot be done */
export async function startInNamespace(running: Running): Promise<Start> {
  for (const { place, taken } of running.loaderPlaces) {
    if (!place.startsWith("/")) throw cannot(`${place} is looked for in the working directory`);
    // It is one of our copies if this already runs in such a namespace.
    if (taken && !isOwnCopy(readFileSync(place)))
      throw cannot(`${place} is there, and other programs need it as it is`);
  }
  const { added, covers } = await additions(running);
  const root = composedRoot(added);
  const steps = [...root.steps, ...covers];
  const ours = await byOwnCalls(root, steps, running).catch(fromNative);
  if (!(ours instanceof FixelfError)) return ours;
  const bubblewrap = programIn(programDirectories(placeOf()), "bwrap", placeOf());
  if (bubblewrap === null) throw cannot(`${ours.message}, and bubblewrap is not installed`);
  return byBubblewrap(bubblewrap, steps, running, ours.message);
}

function cannot(message: string): FixelfError {
  return new FixelfError("unsupported", message);
}

/** The loader's copy with its list, and whatever else is to be there. */
async function additions(running: Running): Promise<{ added: Addition[]; covers: Cover[] }> {
  const { environment, loaderPlaces, ownLoader, findable, links } = running;
  const added: Addition[] = links.map((link) => ({ do: "link", ...link }));
  if (environment === null) return { added, covers: [] };
  const musl = environment.libc === "musl";
  const original = await readFile(environment.loader);
  const content = musl ? withOwnPathFile(original) : withOwnCache(original);
  if (content === null)
    throw cannot(`${environment.loader} has no list of libraries that could be put elsewhere`);
  const outside = loaderPlaces.find(({ place }) => musl && dirname(dirname(place)) !== "/");
  if (outside !== undefined)
    throw cannot(
      `musl's loader would look for its list of directories beside ${dirname(outside.place)}`,
    );
  const list = musl
    ? [...environment.directories, ...(await findableDirectories(findable))].join("\n")
    : await cacheOf(findable, environment);
  added.push({
    do: "data",
    content: typeof list === "string" ? bytesOf(list) : list,
    place: musl ? ownPathFile : ownCache,
  });
  for (const { place } of loaderPlaces) added.push({ do: "program", content, place });
  return { added, covers: ownLoader === null ? [] : [{ do: "cover", content, place: ownLoader }] };
}

async function cacheOf(
  findable: readonly string[],
  environment: SystemEnvironment,
): Promise<Buffer> {
  const machine = await native.inspect(environment.loader);
  return libraryCache(await findableLibraries(findable, environment, machine), machine);
}

/**
 * The whole procedure is tried first: once this process has become another program, it is too late for alternatives.
 */
async function byOwnCalls(
  { base }: ComposedRoot,
  steps: readonly Step[],
  running: Running,
): Promise<Start> {
  const entrance = native.entrance();
  const wordsFor = (verb: string, { texts }: Written) => [
    ...["fixelf", verb, base, ...texts, "--", workingDirectory(), running.path],
  ];
  const trial = written(steps, entranceWords, 4);
  const probe = tried(`/proc/self/fd/${entrance}`, trial, {
    listed: [...wordsFor("probe", trial), running.path],
    given: ["words", "3"],
  });
  if (probe.status !== 0) {
    closeSync(entrance);
    const why = probe.error?.message ?? explained(textOf(probe.stderr));
    throw cannot(`the kernel does not allow it: ${why}`);
  }
  const real = written(steps, entranceWords, null);
  const argv = [...wordsFor("enter", real), ...running.arguments];
  return { file: entrance, arguments: argv, descriptors: real.descriptors, limits: [] };
}

/** "cannot bind /x: 13", with the error's name instead of its number. */
function explained(said: string): string {
  return said.trim().replace(/: (\d+)$/, (_, digits: string) => {
    const [name, message] = getSystemErrorMap().get(-Number(digits)) ?? ["error", digits];
    return `: ${message} (${name})`;
  });
}

/** For systems on which only bubblewrap is allowed to: it is setuid root, or a security module knows it by name. */
function byBubblewrap(
  bubblewrap: string,
  steps: readonly Step[],
  running: Running,
  why: string,
): Start {
  const trial = bubblewrapArguments(steps, 4);
  const probe = tried(bubblewrap, trial, {
    listed: trial.texts,
    given: ["--args", "3", "--", "/proc/self/exe", "--version"],
  });
  if (probe.status !== 0) {
    const said = (probe.error?.message ?? textOf(probe.stderr)).trim().split("\n").at(-1);
    throw cannot(`${why}, and neither can bubblewrap: ${said}`);
  }
  const { texts, descriptors } = bubblewrapArguments(steps, null);
  // Without --die-with-parent, killing us would leave the program behind.
  const argv = ["bwrap", "--die-with-parent", ...texts, "--", running.path];
  return {
    file: bubblewrap,
    // bubblewrap passes the file's path on as argv[0].
    arguments: [...argv, ...running.arguments.slice(1)],
    descriptors,
    limits: [
      "bubblewrap is the parent process: a signal to it alone kills the program, and death by a signal becomes exit code 128 + its number",
    ],
  };
}

/**
 * How a start with the given arguments ends. They are passed in a file, which is descriptor 3, because Node's own spawn
 * turns bytes that are not UTF-8 into EF BF BD; the steps' files follow it.
 */
function tried(
  program: string,
  { descriptors }: Written,
  { listed, given }: { listed: readonly string[]; given: readonly string[] },
): SpawnSyncReturns<Buffer> {
  const list = native.memoryFile(bytesOf(listed.map((word) => `${word}\0`).join("")));
  const stdio = ["ignore", "ignore", "pipe", list, ...descriptors] as const;
  const ended = spawnSync(program, given, { stdio: [...stdio] });
  for (const descriptor of [list, ...descriptors]) closeSync(descriptor);
  return ended;
}

interface Written {
  texts: string[];
  /** The descriptors that the texts refer to by number, in order. */
  descriptors: number[];
}

/**
 * The steps as arguments, with a file in memory for each content.
 * @param first the number that the first of the files will have; null to use their numbers here
 */
function written(
  steps: readonly Step[],
  wordsOf: (step: Step, number: () => string) => string[],
  first: number | null,
): Written {
  const descriptors: number[] = [];
  const texts = steps.flatMap((step) =>
    wordsOf(step, () => {
      const made = native.memoryFile("content" in step ? step.content : Buffer.alloc(0));
      descriptors.push(made);
      return String(first === null ? made : first + descriptors.length - 1);
    }),
  );
  return { texts, descriptors };
}

/** As native/run/entrance takes them. */
function entranceWords(step: Step, number: () => string): string[] {
  switch (step.do) {
    case "directory":
      return [step.do, step.place];
    case "link":
      return [step.do, step.target, step.place];
    case "program":
    case "data":
      return [step.do, number(), step.place];
    case "cover": {
      const made = `${dirname(ownCache)}/loader`;
      return ["program", number(), made, "cover", made, step.place];
    }
    default:
      return [step.do, step.source, step.place];
  }
}

/** Its options for such a root, with the working directory in it. */
export function bubblewrapArguments(steps: readonly Step[], first: number | null): Written {
  const { texts, descriptors } = written(steps, bubblewrapWords, first);
  return { texts: [...texts, "--chdir", workingDirectory()], descriptors };
}

function bubblewrapWords(step: Step, number: () => string): string[] {
  switch (step.do) {
    case "directory":
      return ["--dir", step.place];
    case "link":
      return ["--symlink", step.target, step.place];
    case "program":
    case "cover":
      return ["--perms", "0555", "--ro-bind-data", number(), step.place];
    case "data":
      return ["--perms", "0444", "--ro-bind-data", number(), step.place];
    default:
      return ["--dev-bind", step.source, step.place];
  }
}
