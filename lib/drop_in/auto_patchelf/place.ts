// What is at a path that the command line names: a file, the first level of a directory, or an entire tree. Symbolic
// links are listed but not followed: their targets may be libraries, but are patched where they are, or not at all.
import { join } from "node:path";
import type { Facts } from "../../addon/facts.js";
import { fromNative, native } from "../../addon/native.js";
import { lstat, readdir, stat } from "../../base/disk.js";
import type { FixelfError } from "../../base/errors.js";

export interface Place {
  /** Regular files that are ELF, sorted by path. */
  files: Facts[];
  /** Symbolic links, sorted. */
  links: string[];
  /** What could not be read, or is damaged, sorted by path. */
  failures: FileFailure[];
}

/** A file that could not be read or written. */
export interface FileFailure {
  /** As found. */
  path: string;
  /** What went wrong. */
  error: Pick<FixelfError, "code" | "message">;
}

/** Reads a place; one that does not exist is empty. */
export async function readPlace(path: string, recursive: boolean): Promise<Place> {
  const directory = await isDirectory(path);
  if (directory && recursive) return readTree(path);
  const names = directory ? await list(path) : [{ path, kind: await kindOf(path) }];
  const read = await Promise.all(
    names.filter(({ kind }) => kind === "file").map((file) => inspect(file.path)),
  );
  return {
    files: read.flatMap((result) => ("facts" in result ? [result.facts] : [])),
    links: names.filter(({ kind }) => kind === "link").map((link) => link.path),
    failures: read.flatMap((result) => ("failure" in result ? [result.failure] : [])),
  };
}

/** Reads the facts of one file; a file that is not ELF has neither facts nor a failure. */
export async function inspect(
  path: string,
): Promise<{ facts: Facts } | { failure: FileFailure } | Record<never, never>> {
  try {
    return { facts: await native.inspect(path) };
  } catch (caught) {
    const error = fromNative(caught);
    return error.code === "not-elf" ? {} : { failure: { path, error } };
  }
}

async function readTree(root: string): Promise<Place> {
  const [walked, links] = await Promise.all([native.walk(root), linksBelow(root)]);
  const failures = walked.failures.map(({ path, code, message }) => ({
    path,
    error: { code, message },
  }));
  return { files: walked.elf, links, failures };
}

async function linksBelow(directory: string): Promise<string[]> {
  const entries = await list(directory);
  const below = await Promise.all(
    entries.map(({ path, kind }) => {
      if (kind === "directory") return linksBelow(path);
      return kind === "link" ? [path] : [];
    }),
  );
  return below.flat();
}

type Kind = "file" | "link" | "directory" | "other";

async function list(directory: string): Promise<{ path: string; kind: Kind }[]> {
  // The walk reports directories that cannot be listed.
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries
    .map((entry) => ({ path: join(directory, entry.name), kind: kindOfEntry(entry) }))
    .sort((first, second) => (first.path < second.path ? -1 : 1));
}

async function kindOf(path: string): Promise<Kind> {
  return lstat(path).then(kindOfEntry, () => "other" as const);
}

function kindOfEntry(
  entry: Pick<Awaited<ReturnType<typeof lstat>>, "isFile" | "isSymbolicLink" | "isDirectory">,
): Kind {
  if (entry.isFile()) return "file";
  if (entry.isSymbolicLink()) return "link";
  return entry.isDirectory() ? "directory" : "other";
}

/** Follows links: the named paths may be links. */
async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (state) => state.isDirectory(),
    () => false,
  );
}
