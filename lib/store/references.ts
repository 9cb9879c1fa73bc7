// Which store paths, loaders and libraries are named in the bytes of a file or a whole directory. For a store path,
// those marked as references are the ones that Nix finds in it.
import { underSignal } from "../addon/cancellation.js";
import { asNamed, type Compressed, type Mention, native, type Searched } from "../addon/native.js";
import { checkOptions, checkPaths } from "../base/arguments.js";
import { open, readdir, statSync } from "../base/disk.js";
import { type FixelfErrorCode, unlessOfTheMoment } from "../base/errors.js";
import { type CommonOptions, commonKinds } from "../base/options.js";
import { absolute } from "../base/process.js";
import { insideRoot } from "../file/rooted.js";
import { cannotExamine } from "../file/tree.js";
import { hostPath, isStoreEntry, placeOf, type StorePlace, storePathOf } from "./place.js";

/** A store path that is named, in whatever ways. */
export interface StorePathMentions {
  /** "/nix/store/<hash>-<name>". */
  storePath: string;
  /** Whether the store has it. */
  present: boolean;
  /** Whether Nix would call it a reference: it is present, and its hash occurs unbroken. */
  reference: boolean;
  /** One for each spelling and each way that the name ends. */
  mentions: Mention[];
}

/** What is named in the bytes of a file, or of all files in a tree. */
export interface References {
  /** As given. */
  path: string;
  /** Sorted by path. */
  storePaths: StorePathMentions[];
  /** Paths of loaders, or their bare names. */
  interpreters: Mention[];
  /** Names of libraries that are complete strings. */
  sonames: Mention[];
  /** Compressed data, whose content is not known. */
  notLookedInto: Compressed[];
  /** How many more of them there are. */
  moreCompressed: number;
  /** How many mentions are not listed, because there would be too many. */
  moreMentions: number;
  /** What could not be read, below a directory: the `path`, and the `code` and `message` of the error. */
  failures: { path: string; code: FixelfErrorCode; message: string }[];
  /** How many more failures there are. */
  moreFailures: number;
  /** How many files were searched. */
  files: number;
  /** How many bytes were searched. */
  bytes: number;
}

/**
 * Searches each path: a file, or a directory with everything below it. Links below a directory count as the text of
 * their target.
 * @throws FixelfError `not-found`, `permission-denied`, `not-a-regular-file`, `changed` (a file was written to while it
 *   was searched), `cancelled`, `limit-exceeded` (the store's path has more than 256 bytes) or `io`
 */
export async function references(
  paths: readonly string[],
  options: CommonOptions = {},
): Promise<References[]> {
  checkPaths("references", paths);
  checkOptions("references", options, commonKinds);
  return underSignal(options.signal, () => searchEach(paths, options));
}

async function searchEach(paths: readonly string[], options: CommonOptions): Promise<References[]> {
  const place = placeOf(options);
  const known = await storePathsByHash(place);
  const hashes = [...known.keys()].join("");
  const answers: References[] = [];
  for (const path of paths) {
    const { host, inside } = locate(path, place);
    const searched = await native.search(host, { store: place.store, hashes }).catch((failure) => {
      throw asNamed(failure, path);
    });
    const outputs = await outputsOf(inside, host, place);
    answers.push(asReferences(path, host, searched, known, outputs, place));
  }
  return answers;
}

/** Hash → store path, for everything in the store; a store that does not exist has none. */
async function storePathsByHash(place: StorePlace): Promise<Map<string, string>> {
  const entries = await readdir(hostPath(place.store, place)).catch(unlessOfTheMoment([]));
  return new Map(
    entries
      .filter(isStoreEntry)
      .sort()
      .map((entry) => [entry.slice(0, hashLength), `${place.store}/${entry}`]),
  );
}

const hashLength = 32;

/** A link that is itself a store path is searched as a link; others are followed. */
function locate(path: string, place: StorePlace): { host: string; inside: string } {
  const whole = absolute(path);
  if (place.root === "" && storePathOf(whole, place.store) === whole)
    return { host: whole, inside: whole };
  const { host, path: inside } = insideRoot(path, place);
  try {
    // Otherwise a link that leads nowhere would be searched as one.
    if (storePathOf(inside, place.store) !== inside) statSync(host);
  } catch (cause) {
    throw cannotExamine(path, cause);
  }
  return { host, inside };
}

/**
 * What a derivation will build. It names these paths but does not refer to them: Nix takes a derivation's references
 * from its inputs (libstore/derivations.cc).
 */
async function outputsOf(inside: string, host: string, place: StorePlace): Promise<Set<string>> {
  if (!inside.endsWith(".drv") || storePathOf(inside, place.store) !== inside) return new Set();
  const file = await open(host).catch(unlessOfTheMoment(null));
  if (file === null) return new Set();
  try {
    // The outputs come first; no derivation with more outputs than fit in here has been seen.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, 0);
    const text = buffer.toString("latin1", 0, bytesRead);
    const outputs = /^Derive\(\[((?:\((?:"[^"]*",?){4}\),?)*)\]/.exec(text)?.[1] ?? "";
    return new Set([...outputs.matchAll(/\("[^"]*","([^"]*)"/g)].map(([, path]) => path as string));
  } catch {
    return new Set();
  } finally {
    await file.close();
  }
}

function asReferences(
  path: string,
  host: string,
  searched: Searched,
  known: ReadonlyMap<string, string>,
  outputs: ReadonlySet<string>,
  place: StorePlace,
): References {
  const { mentions, compressed, failures, ...counts } = searched;
  const shown = <T extends { path: string }>(found: T): T => ({
    ...found,
    path: path + found.path.slice(host.length),
  });
  const byStorePath = new Map<string, StorePathMentions>();
  for (const mention of mentions) {
    if (mention.kind !== "store-path" && mention.kind !== "hash") continue;
    const from = mention.kind === "hash" ? 0 : place.store.length + 1;
    const present = known.get(mention.text.slice(from, from + hashLength));
    const storePath = present ?? mention.text;
    const group = byStorePath.get(storePath) ?? {
      storePath,
      present: present !== undefined,
      reference: false,
      mentions: [],
    };
    group.mentions.push(shown(mention));
    if (group.present && !outputs.has(storePath) && leavesHashWhole(mention))
      group.reference = true;
    byStorePath.set(storePath, group);
  }
  return {
    path,
    storePaths: [...byStorePath.values()].sort((one, other) =>
      one.storePath < other.storePath ? -1 : 1,
    ),
    interpreters: mentions.filter(({ kind }) => kind === "interpreter").map(shown),
    sonames: mentions.filter(({ kind }) => kind === "soname").map(shown),
    notLookedInto: compressed.map(shown),
    failures: failures.map(shown),
    ...counts,
  };
}

/** Nix looks for the 32 consecutive characters of the hash (libstore/references.cc). */
function leavesHashWhole({ spelling }: Mention): boolean {
  return spelling !== "utf-16" && spelling !== "line-wrapped";
}
