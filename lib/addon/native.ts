// The only door to the addon. Everything else in lib/ imports from here and never asks where the machine code came
// from: a build in this clone, a prebuild in the npm package, or the directory that FIXELF_PREBUILD names.
import { join } from "node:path";
import loadAddon from "node-gyp-build";
import { existsSync, readdirSync } from "../base/disk.js";
import {
  FixelfError,
  type FixelfErrorCode,
  isOfTheMoment,
  unlessOfTheMoment,
} from "../base/errors.js";
import { variable } from "../base/process.js";
import { isNativeError, isPromise } from "../base/realms.js";
import type { Facts } from "./facts.js";
import { hasPackage, movedAway, packageDirectory } from "./package_directory.js";
import type { EditRequest, Edits, NoCache, PatchelfChanges } from "./requests.js";
import { type Cancellation, underWay } from "./under_way.js";

/** What the addon rejects with: data that is turned into a FixelfError here. */
interface NativeFailure extends Error {
  code?: FixelfErrorCode;
  path?: string;
}

/** What a lookup found at a path. */
export interface Lookup {
  state: "missing" | "not-regular" | "unreadable" | "not-elf" | "malformed" | "elf";
  message: string;
  facts: Facts | null;
}

export interface ResolveOptions {
  /** Assume this interpreter instead of the file's own; libraries have none. */
  interpreter?: string;
  /** The program that opens it, a module: what that has loaded itself is not searched for. */
  opener?: string;
  /** LD_LIBRARY_PATH. */
  libraryPath?: string;
  /** LD_PRELOAD. */
  preload?: string;
  /** The best glibc-hwcaps directory to assume, "x86-64-v3", or "baseline"; default: this machine's. */
  processor?: string;
  /** Record for each library what was tried in vain; default true. For many files this is a lot. */
  tried?: boolean;
  /** AT_SECURE: the program runs as another user than its caller. */
  secure?: boolean;
  /** Look for the symbols that are bound at start; with `bindNow`, LD_BIND_NOW, for all of them. */
  symbols?: boolean;
  bindNow?: boolean;
  /** What nix-ld's stand-in starts: NIX_LD and NIX_LD_LIBRARY_PATH. */
  nixLd?: { loader: string; libraryPath: string };
}

/** Facts as a plan would leave them; what is not given stays. */
export interface Override {
  path: string;
  interpreter?: string;
  runpath?: string | null;
  rpath?: string | null;
}

/** What lib/addon/resolutions.ts turns into resolutions: one for each path, in order. */
export interface NativeResolutions {
  /** Each text once. The first is null. */
  texts: (string | null)[];
  /** Indexes into the texts, and other numbers. */
  numbers: Uint32Array;
}

/** The disk as the loader sees it, from a root; remembers what it has read. */
export interface NativeFiles {
  /** The path without symbolic links, as seen from the root. Throws `not-found`. */
  realPath(path: string): string;
  /** Where this machine can open a path in the root. */
  hostPath(path: string): string;
  /** Whether nothing there may be mapped to be executed: it is on a file system that is mounted noexec. */
  isNoexec(path: string): boolean;
  look(path: string): Lookup;
  /** The first of the files in which DT_AUDIT or DT_DEPAUDIT names libraries; null if none does. */
  firstAudited(paths: readonly string[]): string | null;
  /** On several threads; for lib/addon/resolutions.ts. */
  resolve(paths: readonly string[], options: ResolveOptions): Promise<NativeResolutions>;
  /** No other call may be made meanwhile, or after it was cancelled. Throws `not-elf` if there is no such file. */
  override(overrides: readonly Override[]): Promise<void>;
  /** Files below a directory of this machine are read from it, even though there is a root. */
  passThrough(directory: string): void;
}

/** As native/index/nix_index.hpp lays them out. */
export interface NixIndexLibraries {
  /** @internal */
  packages: Buffer;
  /** @internal */
  names: Buffer;
  entries: number;
  others: number;
}

/** The libraries of one store path; all paths are below it. See native/index/libraries.hpp. */
export interface NativeLibraries {
  /** `real`: without links; null if these lead out of the store path, or nowhere. */
  libraries: { name: string; path: string; real: string | null }[];
  /** The files that these lead to. */
  elf: Facts[];
  /** False if the disk or a signal kept something from being read. */
  complete: boolean;
}

/** Which bytes change; what they become stays with the addon, however much it is. */
export interface Layout {
  /** Sorted and disjoint; `offset` and `size` in bytes. */
  ranges: { offset: number; size: number }[];
  /** The size of the file before, in bytes. */
  oldSize: number;
  /** Its size afterwards, in bytes. */
  newSize: number;
  /** The file's number of names, including this one. */
  links: number;
  /** Why the file cannot be changed in place. */
  refusalInPlace: string | null;
  /** Where each part goes and why there, one sentence each. */
  reasons: string[];
  /** What `apply` writes, and the identity of the content for which it was planned. */
  readonly handle: object;
}

/** The layout for a request. */
export interface RequestedLayout extends Layout {
  /** Why a requested resolution cache is not written, or null. */
  noCache: NoCache | null;
}

/** What patchelf did to a file; see native/patchelf/change.hpp. */
export interface PatchelfOutcome {
  outcome: "changed" | "unchanged";
  reasons: string[];
  noCache: NoCache | null;
  /** Bytes. */
  oldSize: number;
  newSize: number;
}

export interface WriteJob {
  path: string;
  output: string;
  layout: Layout;
  inPlace: boolean;
}

/** Identifies a file's content in a way that cannot be forged; times are since 1970. */
export interface FileIdentity {
  /** st_dev. */
  device: bigint;
  /** st_ino. */
  inode: bigint;
  /** Bytes. */
  size: bigint;
  /** st_mtim. */
  modifiedNanoseconds: bigint;
  /** st_ctim, which cannot be set. */
  changedNanoseconds: bigint;
}

/** A record that cannot be read: the path of its file or, if not known, its own. */
export interface RecordFailure {
  path: string;
  code: FixelfErrorCode;
  message: string;
}

/** ELF files and scripts that a walk found, and what could not be read. */
export interface Walked {
  elf: Facts[];
  failures: { path: string; code: FixelfErrorCode; message: string }[];
  /** Paths of executable files that begin with "#!". */
  scripts: string[];
  /** Paths of files that begin as macOS and Windows programs do. */
  otherSystems: string[];
  /** Files seen, ELF or not. */
  files: number;
}

/**
 * A column of a batch, in Arrow's memory layout; see native/scan/columns.hpp. The columns of one batch are views of one
 * ArrayBuffer: transferring one to another thread transfers all of them.
 */
export interface Column {
  /** As in the schema. */
  name: string;
  /** What `values` and `children` hold. */
  type: "text" | "boolean" | "uint8" | "uint32" | "uint64" | "list" | "struct";
  /** Rows. */
  length: number;
  /** How many rows are null. */
  nulls: number;
  /** One bit per row, the lowest first; null if no row is null. */
  validity: Uint8Array | null;
  /** For text and lists: where each row begins, and the end. */
  offsets: Int32Array | null;
  /** Text as its bytes in the file, booleans as bits, numbers. */
  values: Uint8Array | Uint32Array | BigUint64Array;
  /** A list's elements, or a struct's fields. */
  children: Column[];
}

export interface NativeBatch {
  rows: number;
  columns: Column[];
  /** Which rows came from which entry of a root: structs with ScanBranch's fields. */
  branches: Column;
  failures: readonly (Walked["failures"][number] & { storePath: string | null })[];
  links: readonly { path: string; target: string }[];
  /** With `lines`: each row as a line of JSON, UTF-8. Otherwise without rows. */
  lines: Column;
}

/** How far a scan has come. */
export interface ScanProgress {
  /** Regular files seen, ELF or not. */
  files: number;
  /** How many of them are ELF. */
  elf: number;
  /** How many files and directories could not be read. */
  failures: number;
  /** The total size of the ELF files, in bytes. */
  bytes: number;
  /** Entries of the roots. */
  branches: number;
  /** How many of them are done. */
  branchesDone: number;
}

export interface NativeScanRoot {
  /** Where this machine finds it. */
  host: string;
  /** Its name in the output. */
  shown: string;
  /** A branch of its own; if it does not exist, that is reported as a failure. */
  entry: boolean;
}

export interface NativeScanOptions {
  /** 0: one per processor. */
  threads: number;
  diskOrder: boolean;
  /** Counted from 0. */
  shard: number;
  shards: number;
  libraryLinks: boolean;
  lines: boolean;
}

/** A scan that runs a few batches ahead. */
export interface NativeScan {
  /** null at the end. For one caller at a time. */
  next(): Promise<NativeBatch | null>;
  cancel(): void;
  progress(): ScanProgress;
}

/** Something named in a file's bytes, in its name, or in a link's target. */
export interface Mention {
  /** `hash`: that of a known store path, without the store's directory in front. */
  kind: "store-path" | "hash" | "interpreter" | "soname";
  /** How a store path is written. Nix itself finds neither `utf-16` nor `line-wrapped`. */
  spelling: "plain" | "escaped" | "percent-encoded" | "utf-16" | "line-wrapped";
  /** In plain spelling. */
  text: string;
  /** The first file that has it. */
  path: string;
  /** Where it is. */
  place: "file-name" | "link-target" | "content";
  /** Bytes from the beginning of the content, the name or the target. */
  offset: number;
  /** In all files. */
  count: number;
}

/** Compressed data, which the search does not look into. */
export interface Compressed {
  /** The format. */
  kind: "gzip" | "xz" | "zstd" | "bzip2" | "zip" | "squashfs";
  /** The first file that has it. */
  path: string;
  /** Bytes; that of the first one in the file. */
  offset: number;
  /** How many of that kind begin in the file; for `zip`, its compressed members. */
  count: number;
}

export interface Searched {
  mentions: Mention[];
  /** How many more mentions there are that are not listed, because they are too many. */
  moreMentions: number;
  compressed: Compressed[];
  moreCompressed: number;
  /** What could not be read, below a directory. */
  failures: { path: string; code: FixelfErrorCode; message: string }[];
  moreFailures: number;
  files: number;
  bytes: number;
}

export interface SearchRequest {
  /** The store's directory, as files name it. */
  store: string;
  /** Hashes of known store paths, 32 characters each, concatenated. */
  hashes: string;
}

/** The rights that a program gives to anyone who may execute it; see native/run/rights.hpp. */
export interface GivenRights {
  /** Its owner's: it is set-user-ID. */
  user: boolean;
  /** Its group's. */
  group: boolean;
  /** Capabilities. */
  capabilities: boolean;
  /** A user ID. */
  owner: number;
  /** The mount ignores all of these (nosuid). */
  ignored: boolean;
}

/** A program to be started. */
export interface Command {
  file: string;
  /** From argv[1]. */
  arguments: readonly string[];
  /** All of it, as NAME=VALUE. */
  environment: readonly string[];
  /** What it opens by path: root runs it as the only user besides root who controls these. */
  subjects: readonly string[];
}

/** A file for which an undo record is kept; see native/patch/recorded_files.hpp. */
export interface RecordedFile {
  /** Absolute. */
  path: string;
  /**
   * `fixed`: it is as the fix left it. `interrupted`: an in-place fix was cut off half-way, and undo repairs it.
   * `changed`: it has been written to since. `gone`: no file has that path. `away`: its directory does not exist
   * either, as when a disk is not mounted. `unknown`: it cannot be determined.
   */
  state: "fixed" | "interrupted" | "changed" | "gone" | "away" | "unknown";
  /** The size of the original, in bytes; 0 if the record cannot be read. */
  originalSize: number;
  /** The size that the fix left, in bytes; 0 if the record cannot be read. */
  fixedSize: number;
  /** Whether it was fixed in place. */
  inPlace: boolean;
}

/** How a program ended; see native/run/commands.hpp. */
export interface CommandEnd {
  /** null if it was killed by a signal, or took too long. */
  exitCode: number | null;
  output: string;
  errors: string;
}

/** What a process becomes. */
export interface Replacing {
  /** A path, or the descriptor of a file that may have none. */
  file: string | number;
  /** From argv[0]; without NUL. */
  arguments: string[];
  /** NAME=VALUE; set in addition to those of this process. */
  variables: string[];
  /** Descriptors that it gets in addition to the standard ones. */
  inherited: number[];
}

/** Something that happened in watched directories; see native/watch/trees.hpp. */
export type Arrival =
  | {
      kind: "appeared" | "complete" | "directory" | "gone" | "present" | "absent" | "overflow";
      path: string;
    }
  | {
      kind: "unwatched";
      path: string;
      failure: { path: string; code: FixelfErrorCode; message: string };
    };

/** What a name leads to; see native/watch/peek.hpp. */
export type Peek = "gone" | "writing" | "elf" | "script" | "link" | "other";

/** Watches until it is stopped; keeps the process running. */
export interface NativeWatch {
  /** Looks for roots again, and retries directories that could not be watched. */
  refresh(): void;
  stop(): void;
}

/** Whatever returns a promise ends early, with `cancelled`, when the API call that it serves does (underWay). */
interface NativeAddon {
  /** The version of the package that the addon was built from. */
  version(): string;
  Files: new (root: string) => NativeFiles;
  Scan: new (roots: NativeScanRoot[], options: NativeScanOptions) => NativeScan;
  /** Calls back with a failure, with arrivals, and at the end with null for both. */
  Watch: new (
    roots: string[],
    tell: (failure: NativeFailure | null, arrivals: Arrival[] | null) => void,
  ) => NativeWatch;
  /** What each name leads to now. */
  peek(paths: string[]): Promise<Peek[]>;
  /** The names that `Facts.machine` may have, except "machine-N", by their numbers in e_machine. */
  machineNames(): Record<number, string>;
  inspect(path: string): Promise<Facts>;
  /** The path without links, for a path that is to be written to; see native/base/location.hpp. */
  realPath(path: string): string;
  /** The same for a file to be written, which need not exist; see native/base/location.hpp. */
  realTarget(path: string): string;
  /** Whether it imports `dlopen` or `dlmopen`. */
  opensLibraries(path: string): Promise<boolean>;
  /** A search path entry with $ORIGIN expanded, by glibc's rule; null if the result is too long. */
  expandOrigin(entry: string, origin: string): string | null;
  /** Whether a loader would expand $ORIGIN, $LIB or $PLATFORM in it. */
  hasTokens(entry: string): boolean;
  walk(root: string): Promise<Walked>;
  /** The store paths in a directory, as native/scan/listing.hpp lays them out. @internal */
  listStore(directory: string): Promise<Buffer>;
  /** What a nix-index database records about libraries; see native/index/nix_index.hpp. */
  readNixIndex(path: string): Promise<NixIndexLibraries>;
  /** For each store path, by name: its libraries, with facts if wanted. */
  libraries(
    place: { root: string; store: string },
    storePaths: readonly string[],
    facts: boolean,
  ): Promise<NativeLibraries[]>;
  /** Whether a file name is one that a shared library or a loader would have. */
  looksLikeLibrary(name: string): boolean;
  givenRights(path: string): GivenRights;
  /**
   * Takes the lock on an open file, until that is closed or the process ends; false if another process holds it. If the
   * file system does not support locks, every attempt succeeds.
   */
  tryLock(descriptor: number): boolean;
  /** `changed` if the file no longer has the facts in `read`, on which the edits are based. */
  layOut(path: string, edits: Edits, read?: Facts): Promise<Layout>;
  /** Based on facts that are read together with the layout. */
  layOutRequest(path: string, request: EditRequest): Promise<RequestedLayout>;
  layOutPatchelf(path: string, changes: PatchelfChanges): Promise<RequestedLayout>;
  /** Changes a file; with a non-empty `output`, the result is written there instead. */
  patchelf(path: string, changes: PatchelfChanges, output: string): Promise<PatchelfOutcome>;
  /** Throws `usage`, with the command's own message. */
  checkPatchelf(changes: PatchelfChanges): void;
  /** What the arguments in auto-patchelf's --extra-args ask for. Throws `usage`. */
  parseExtraArguments(words: readonly string[]): PatchelfChanges;
  /**
   * The command, with the arguments that follow its name: it reads and writes files, stdout and stderr. Returns its
   * exit code.
   */
  runPatchelf(words: readonly string[]): number;
  /** For a script whose first line is to change; both lines come without "#!" and line end. `changed` as above. */
  layOutFirstLine(path: string, present: string, line: string): Promise<Layout>;
  /** `left` is told about each file that was written, and its state since. */
  apply(
    jobs: WriteJob[],
    recordDirectory: string,
    left?: (index: number, identity: FileIdentity) => void,
  ): Promise<(NativeFailure | null)[]>;
  /** What killed processes left beside files; other files, and those in use, are left alone. */
  removeAbandoned(paths: string[]): Promise<void>;
  /** A file, a link (not its target), or a directory with everything below it. */
  search(path: string, request: SearchRequest): Promise<Searched>;
  /** A descriptor for native/run/entrance, to be started. Throws `unsupported`. */
  entrance(): number;
  /** A descriptor for a file in memory that holds the bytes; closed on exec, like Node's own. */
  memoryFile(bytes: Uint8Array): number;
  /** Where programs for a file's machine and libc name their loader. Throws as `inspect` does. */
  usualInterpreter(path: string): string;
  /**
   * Runs them a few at a time; those that take longer are killed. Returns for each how it ended, or why it could not be
   * started.
   */
  run(commands: Command[], milliseconds: number): Promise<(CommandEnd | NativeFailure)[]>;
  /** Returns only by throwing. */
  replaceProcess(replacing: Replacing): never;
  cancellation(): Cancellation;
  /** What has not begun, and what can stop, rejects with `cancelled`; the rest is completed. */
  cancel(cancellation: Cancellation): void;
  /** Paths below a directory for which a record is kept, and records whose file cannot be determined. */
  changedBelow(
    directory: string,
    recordDirectory: string,
  ): Promise<{ paths: string[]; failures: RecordFailure[] }>;
  /** The files that have no record under their own path, but one for their content. */
  recordedElsewhere(paths: readonly string[], recordDirectory: string): Promise<string[]>;
  /** Each file at or below a path for which a record is kept, by path, and the records that cannot be read. */
  recordedFiles(
    path: string,
    recordDirectory: string,
  ): Promise<{ files: RecordedFile[]; failures: RecordFailure[] }>;
  /** For each, null if its record was removed; `unsupported` if undo needs it and `force` is false. */
  forgetRecords(
    paths: readonly string[],
    recordDirectory: string,
    force: boolean,
  ): Promise<(NativeFailure | null)[]>;
  /**
   * Throws `permission-denied` if others could have written to an open file or directory, naming its owner; see
   * native/base/own.hpp.
   */
  demandOwn(descriptor: number, path: string): void;
  /** The same for a directory that is not open; `not-found` if it does not exist. */
  demandOwnDirectory(path: string): void;
  /** Makes a directory for this user alone; `permission-denied` if it would be inside another user's. */
  makeOwnDirectory(path: string): void;
  /** A descriptor for the directory that a user has named, which is created if missing; links as in `realPath`. */
  makeDirectory(path: string): number;
  /** For each, null if it was restored. One flush serves them all. */
  undo(paths: string[], recordDirectory: string): Promise<(NativeFailure | null)[]>;
  /** Undoes what `apply` has just left; `changed` if it is different by now. */
  takeBack(path: string, recordDirectory: string, left: FileIdentity): Promise<void>;
}

let loaded: NativeAddon | undefined;

/** Loaded on first use: answers from the index need none of it. */
export const native: NativeAddon = new Proxy({} as NativeAddon, {
  get(_, name) {
    loaded ??= load();
    return Reflect.get(loaded, name);
  },
});

type Asynchronous = {
  [Name in keyof NativeAddon]: NativeAddon[Name] extends (...given: never[]) => infer Answer
    ? [Answer] extends [Promise<unknown>]
      ? [Answer] extends [never]
        ? never
        : Name
      : never
    : never;
}[keyof NativeAddon];

/** The functions that return a promise, and so take a cancellation as their last argument. */
const asynchronous: Record<Asynchronous, true> = {
  peek: true,
  inspect: true,
  opensLibraries: true,
  walk: true,
  listStore: true,
  readNixIndex: true,
  libraries: true,
  layOut: true,
  layOutRequest: true,
  layOutPatchelf: true,
  patchelf: true,
  layOutFirstLine: true,
  apply: true,
  removeAbandoned: true,
  search: true,
  run: true,
  changedBelow: true,
  recordedElsewhere: true,
  recordedFiles: true,
  forgetRecords: true,
  undo: true,
  takeBack: true,
};

/** Makes a FixelfError from whatever the addon threw. */
export function fromNative(failure: unknown): FixelfError {
  if (failure instanceof FixelfError) return failure;
  const { code = "io", message, path } = failure as NativeFailure;
  return new FixelfError(code, message, { path, cause: failure });
}

/** The same, for a path as the caller named it; errors that are not about a file stay as they are. */
export function asNamed(failure: unknown, path: string): FixelfError {
  const error = fromNative(failure);
  if (isOfTheMoment(error)) return error;
  return new FixelfError(error.code, `${path}: ${error.message}`, { path, cause: failure });
}

function load(): NativeAddon {
  try {
    return throughDoor(loadAddon(packageDirectory) as NativeAddon);
  } catch (cause) {
    throwShortage(cause);
    throw new FixelfError("io", explainLoadFailure(cause), { cause, laidOut: true });
  }
}

/** node-gyp-build treats a directory that it cannot open as empty, and dlopen reports errno only as text. */
function throwShortage(cause: unknown): void {
  try {
    readdirSync(packageDirectory);
  } catch (failure) {
    unlessOfTheMoment(null)(failure);
  }
  if (isNativeError(cause) && /: Too many open files(?: in system)?$/.test(cause.message.trim()))
    throw new FixelfError("too-many-open-files", cause.message.trim(), { cause });
}

type Anything = (...given: unknown[]) => unknown;

/** What the method throws, or rejects with, becomes a FixelfError. */
function converting(method: Anything): Anything {
  const refuse = (failure: unknown) => {
    throw fromNative(failure);
  };
  return function (this: unknown, ...given) {
    try {
      const answer = method.apply(this, given);
      return isPromise(answer) ? answer.catch(refuse) : answer;
    } catch (failure) {
      return refuse(failure);
    }
  };
}

/** Each call that returns a promise is given what ends it, as its last argument. */
function ending(method: Anything): Anything {
  return function (this: unknown, ...given) {
    const context = underWay.getStore();
    return method.apply(this, context === undefined ? given : [...given, context.cancellation]);
  };
}

/** The addon, with failures turned into the package's own, and with its work tied to the call that it serves. */
function throughDoor(addon: NativeAddon): NativeAddon {
  const functions = Object.entries(addon)
    .filter(([name]) => !classes.has(name))
    .map(([name, method]) => [
      name,
      converting(name in asynchronous ? ending(method as Anything) : (method as Anything)),
    ]);
  const Files = withMethods(addon.Files, {
    realPath: converting,
    look: converting,
    firstAudited: converting,
    resolve: (method) => converting(ending(method)),
    override: (method) => converting(ending(method)),
  });
  return {
    ...addon,
    ...Object.fromEntries(functions),
    Files,
    Scan: withMethods(addon.Scan, { next: converting }),
  };
}

const classes: ReadonlySet<string> = new Set(["Files", "Scan", "Watch"]);

type Class = new (...given: never[]) => object;

/** A class whose instances are the same, except for some methods. */
function withMethods<Base extends Class>(
  base: Base,
  changes: { [Name in keyof InstanceType<Base>]?: (method: Anything) => Anything },
): Base {
  const Changed = class extends (base as Class) {};
  for (const [name, change] of Object.entries(changes) as [
    string,
    (method: Anything) => Anything,
  ][])
    Object.defineProperty(Changed.prototype, name, { value: change(base.prototype[name]) });
  return Changed as Base;
}

function explainLoadFailure(cause: unknown): string {
  const reason = isNativeError(cause) ? cause.message.trim() : String(cause);
  if (!hasPackage()) return movedAway();
  const elsewhere = variable("FIXELF_PREBUILD");
  const isClone = existsSync(join(packageDirectory, "CMakeLists.txt"));
  const remedy = elsewhere
    ? `FIXELF_PREBUILD names ${elsewhere}, which has no build that runs here. Unset it, or build one there.\n`
    : isClone
      ? `Build it, in ${packageDirectory}:\n\n    npm run build:native\n`
      : `This copy of the package has no build that runs on this platform ` +
        `(${process.platform}-${process.arch}, Node ${process.versions.node}). fixelf is for Linux; ` +
        `on a machine or libc that the package brings no build for, build it from a clone of its ` +
        `repository with \`npm install\`.\n`;
  return `fixelf could not load its native addon.\n\n${remedy}\n${reason}`;
}
