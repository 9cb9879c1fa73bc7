// A user and mount namespace in which the loader is where the program looks for it. The program is
// the very file, so /proc/self/exe, argv[0], $ORIGIN and a payload are right, and no variable is set.
//
// The loader there is a copy that reads its list of libraries (ld.so.cache; for musl, of directories)
// from a file of the namespace. Nothing else could say it as well: variables would reach children,
// and the store's own files, which Nix-built children use too, stay as they are.
import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, readdirSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { getSystemErrorMap } from "node:util";
import { fromNative, native } from "../addon/native.js";
import { FixelfError } from "../base/errors.js";
import { looksLikeLibrary } from "../store/libraries.js";
import { type AddedFile, type ComposedRoot, composedRoot, type RootStep } from "./composed_root.js";
import { libraryCache } from "./library_cache.js";
import { ownCache, ownPathFile, withOwnCache, withOwnPathFile } from "./loader_copy.js";
import { type Running, type Start, words } from "./start.js";
import { keyOf, preparedDirectory, prepareOnce, writeFiles } from "./state.js";

/** @throws FixelfError saying why it can't be done */
export async function startInNamespace(running: Running): Promise<Start> {
  const { atInterpreter, interpreter } = running.program;
  if (atInterpreter === "loader")
    throw cannot(`${interpreter} is there, and other programs need it as it is`);
  if (!interpreter.startsWith("/"))
    throw cannot(`${interpreter} is looked for in the working directory`);
  const root = composedRoot(await addedFiles(running));
  const ours = await byOwnCalls(root, running).catch((failure: unknown) => fromNative(failure));
  if (!(ours instanceof FixelfError)) return ours;
  const bubblewrap = findInPath("bwrap");
  if (bubblewrap === null) throw cannot(`${ours.message}, and bubblewrap is not installed`);
  return byBubblewrap(bubblewrap, root, running, ours.message);
}

function cannot(message: string): FixelfError {
  return new FixelfError("unsupported", message);
}

/** The loader's copy and its list, in the cache. */
async function addedFiles(running: Running): Promise<AddedFile[]> {
  const { environment, program, facts } = running;
  const musl = environment.libc === "musl";
  const libraries = allLibraries(running);
  const list = musl ? environment.directories.join("\n") : libraryCache(libraries, facts);
  const real = await realpath(environment.loader);
  const { size, mtimeNs } = await stat(real, { bigint: true });
  const directory = preparedDirectory("namespace", keyOf(real, `${size} ${mtimeNs}`, list));
  await prepareOnce(directory, async (unfinished) => {
    const original = await readFile(real);
    const loader = musl ? withOwnPathFile(original) : withOwnCache(original);
    if (loader === null)
      throw cannot(`${real} has no list of libraries that could be put elsewhere`);
    await writeFiles(unfinished, {
      loader: { content: loader, mode: 0o555 },
      list: { content: list, mode: 0o444 },
    });
  });
  if (musl && dirname(dirname(program.interpreter)) !== "/")
    throw cannot(
      `musl's loader would look for its list of directories beside ${dirname(program.interpreter)}`,
    );
  return [
    { place: program.interpreter, source: join(directory, "loader") },
    { place: musl ? ownPathFile : ownCache, source: join(directory, "list") },
  ];
}

/** What was resolved, and whatever else lies beside it: programs open libraries by name, too. */
function allLibraries({ environment }: Running): Map<string, string> {
  const libraries = new Map(environment.libraries.map(({ soname, path }) => [soname, path]));
  // glibc opens parts of its own by name.
  for (const directory of [dirname(environment.loader), ...environment.directories]) {
    for (const name of namesIn(directory)) {
      if (looksLikeLibrary(name) && !libraries.has(name))
        libraries.set(name, join(directory, name));
    }
  }
  return libraries;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // the loader would pass over it as well
  }
}

/** The whole way is tried first: once this process is another program, nothing else can be done. */
async function byOwnCalls(root: ComposedRoot, running: Running): Promise<Start> {
  const entrance = native.entrance();
  const steps = root.steps.flatMap((step) =>
    step.do === "directory"
      ? [step.do, step.place]
      : [step.do, step.do === "link" ? step.target : step.source, step.place],
  );
  const rest = [root.base, ...steps, "--", process.cwd(), running.named, running.named];
  const probe = spawnSync(`/proc/self/fd/${entrance}`, ["probe", ...rest], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (probe.status !== 0) {
    closeSync(entrance);
    const why = probe.error?.message ?? explained(probe.stderr);
    throw cannot(`the kernel does not allow it: ${why}`);
  }
  const argv = [...words("fixelf", "enter", ...rest), ...running.arguments];
  return { file: entrance, arguments: argv, limits: [] };
}

/** "cannot bind /x: 13" with the error's name for its number. */
function explained(said: string): string {
  return said.trim().replace(/: (\d+)$/, (_, digits: string) => {
    const [name, message] = getSystemErrorMap().get(-Number(digits)) ?? ["error", digits];
    return `: ${message} (${name})`;
  });
}

/** Where only bubblewrap may: it is setuid root, or a security module knows it by name. */
function byBubblewrap(
  bubblewrap: string,
  root: ComposedRoot,
  running: Running,
  why: string,
): Start {
  const options = bubblewrapArguments(root);
  const tried = spawnSync(bubblewrap, [...options, "--", "/proc/self/exe", "--version"], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (tried.status !== 0) {
    const said = (tried.error?.message ?? tried.stderr).trim().split("\n").at(-1);
    throw cannot(`${why}, and neither can bubblewrap: ${said}`);
  }
  // Without --die-with-parent, who ends us would leave the program behind.
  const argv = words("bwrap", "--die-with-parent", ...options, "--", running.named);
  return {
    file: bubblewrap,
    arguments: [...argv, ...running.arguments],
    limits: [
      "bubblewrap stands between: a signal to it alone kills the program, and death by a signal is told as 128 + its number",
    ],
  };
}

/** Its options for such a root, with the working directory in it. */
export function bubblewrapArguments({ steps }: ComposedRoot): string[] {
  return [...steps.flatMap(bubblewrapOption), "--chdir", process.cwd()];
}

function bubblewrapOption(step: RootStep): string[] {
  switch (step.do) {
    case "directory":
      return ["--dir", step.place];
    case "link":
      return ["--symlink", step.target, step.place];
    default:
      return ["--dev-bind", step.source, step.place];
  }
}

function findInPath(name: string): string | null {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // the next one
    }
  }
  return null;
}
