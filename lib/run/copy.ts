// A fixed copy in the cache. Its search path names the original's directories, and it is placed among links to the
// original's neighbours, so that what the program looks for beside itself is found.
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { fromNative, native } from "../addon/native.js";
import type { Edits } from "../addon/requests.js";
import { resolveWith } from "../addon/resolutions.js";
import {
  access,
  constants,
  createReadStream,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  unlink,
  writeFile,
} from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { findableDirectories } from "../environment/findable.js";
import { unspeakable } from "../environment/variables.js";
import { outputPath } from "../file/rooted.js";
import { currentSearchPath, withoutOrigin } from "../file/search_path.js";
import { addRoots } from "../fix/gc_roots.js";
import { Nix } from "../store/nix.js";
import { placeOf } from "../store/place.js";
import { mustBeExecutable } from "./executable.js";
import type { NeedyRunning, Start } from "./start.js";
import { keyOf, preparedOnce } from "./state.js";

/** If there are more neighbours, they are not linked. */
const mostNeighbours = 2000;

/** @throws FixelfError with the reason why it cannot be done */
export async function startCopy(running: NeedyRunning): Promise<Start> {
  const { file, environment, path } = running;
  const edits = await editsOf(running);
  const key = keyOf(await digestOf(file), file, JSON.stringify(edits));
  const home = basename(dirname(file)) || "root";
  const within = join(home, basename(file));
  const directory = await preparedOnce(key, {
    fill: (unfinished) => fill(unfinished, within, file, edits),
    // A copy that has been written to since, or was not written completely, is not trusted.
    isWhole: (prepared) => isAsMade(prepared, within),
  });
  const copy = join(directory, within);
  await mustBeExecutable(copy, "set XDG_CACHE_HOME to a directory elsewhere");
  const limits: string[] = [];
  const linked =
    (await linkNeighbours(dirname(copy), dirname(file), basename(file))) &&
    (dirname(file) === "/" || (await linkNeighbours(directory, dirname(dirname(file)), home)));
  if (!linked) limits.push("there are too many files beside it: it will not find them");
  const rooted = [{ file: copy, storePaths: environment.storePaths }];
  const [unrooted = null] = await addRoots(rooted, new Nix(placeOf())).catch((failure) => [
    `garbage collection may take what it needs: ${fromNative(failure).message}`,
  ]);
  if (unrooted !== null) limits.push(unrooted);
  limits.push(
    `by ${path} it can't start itself again, as argv[0] would have it`,
    `/proc/self/exe is ${copy}: what it looks for further above itself than one directory is missing`,
  );
  return { file: copy, arguments: running.arguments, descriptors: [], limits };
}

/** The copy's digest when it was made. No program that could be beside it has this name. */
const digestName = ".fixelf-copy-sha256";

async function fill(directory: string, within: string, file: string, edits: Edits): Promise<void> {
  const output = join(directory, within);
  await mkdir(dirname(output));
  const layout = await native.layOut(file, edits);
  const job = { path: file, output: outputPath(output), layout, inPlace: false };
  // A copy has no original to restore.
  const [failure] = await native.apply([job], "");
  if (failure) throw fromNative(failure);
  await check(output);
  await writeFile(join(directory, digestName), await digestOf(output));
}

async function isAsMade(directory: string, within: string): Promise<boolean> {
  try {
    const made = await readFile(join(directory, digestName), "utf8");
    await access(join(directory, within), constants.X_OK);
    return made === (await digestOf(join(directory, within)));
  } catch {
    return false;
  }
}

async function editsOf({ facts, file, environment, findable }: NeedyRunning): Promise<Edits> {
  const own = currentSearchPath(facts);
  const added = [...environment.directories, ...(await findableDirectories(findable))];
  const entries = [...own.entries.map((entry) => withoutOrigin(entry, file)), ...added];
  const bad = entries.find((entry) => entry.includes(":")) ?? unspeakable(added)[0];
  if (bad !== undefined)
    throw new FixelfError("unsupported", `${bad}: a search path can't hold this name`);
  const value = entries.join(":");
  // DT_RPATH is passed on to what the program loads, as the directories' variable would be.
  const tag = added.length > 0 ? "rpath" : own.tag;
  return { interpreter: environment.loader, ...(value !== "" && { searchPath: { value, tag } }) };
}

async function check(copy: string): Promise<void> {
  const { libraries } = await resolveWith(new native.Files(""), copy);
  const missing = libraries.find(({ path, optional }) => path === null && !optional);
  if (missing === undefined) return;
  throw new FixelfError("verification-failed", `the copy would not find ${missing.soname}`);
}

/** Links all entries but one; links to entries that are gone are removed. Returns whether there were few enough. */
async function linkNeighbours(to: string, from: string, except: string): Promise<boolean> {
  const names = await readdir(from).catch(() => []);
  if (names.length > mostNeighbours) return false;
  const present = new Set(names);
  for (const name of await readdir(to)) {
    const path = join(to, name);
    if (name !== except && !present.has(name) && (await lstat(path)).isSymbolicLink())
      await unlink(path).catch(() => undefined);
  }
  for (const name of names) {
    if (name === except) continue;
    const link = join(to, name);
    if ((await readlink(link).catch(() => null)) === null)
      await symlink(join(from, name), link).catch((failure: NodeJS.ErrnoException) => {
        if (failure.code !== "EEXIST") throw failure;
      });
  }
  return true;
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const bytes of createReadStream(file)) digest.update(bytes);
  return digest.digest("hex");
}
