// What the paths on a command line name: files, or whole trees of them.
import { constants } from "node:fs";
import { access, open, stat } from "node:fs/promises";
import { FixelfError, type FixelfErrorCode } from "./errors.js";
import type { Facts } from "./facts.js";
import { fromNative, native } from "./native.js";
import { insideRoot } from "./rooted.js";

/** A file that was looked at, ELF or not. */
export interface Subject {
  /** As the caller named it, or found below what the caller named. */
  shown: string;
  /** As seen from the root: what the loader, and so every later stage, would call it. */
  path: string;
  /** Where this machine can open it. */
  host: string;
  /** null where it is no ELF file that can be read. */
  facts: Facts | null;
  /** Why there are no facts. */
  failure: { code: FixelfErrorCode; message: string } | null;
  /** The interpreter that a script names in its first line, with its arguments. */
  shebang: string | null;
}

/** One path of the command line, with all that lies below it. */
export interface Tree {
  shown: string;
  /** As seen from the root, without links. */
  path: string;
  directory: boolean;
  /** It is not part of the root that was named, and is seen as it is on this machine. */
  outside: boolean;
  subjects: Subject[];
}

/**
 * Reads what a path names. Below a directory every ELF file is a subject, and what looks like one
 * but is damaged; other files are passed over.
 * @throws FixelfError `not-found`, `permission-denied` or `io`
 */
export async function readTree(named: string, root: string): Promise<Tree> {
  const shown = named.length > 1 ? named.replace(/\/+$/, "") || "/" : named;
  const { path, host, outside } = await insideRoot(shown, root);
  const state = await stat(host).catch((cause: NodeJS.ErrnoException) => {
    throw cannotExamine(shown, cause);
  });
  if (!state.isDirectory()) {
    const subject = await readSubject(shown, path, host);
    return { shown, path, directory: false, outside, subjects: [subject] };
  }
  const walked = await native.walk(host).catch((failure) => {
    throw fromNative(failure);
  });
  const below = (found: string) => ({
    shown: shown + found.slice(host.length),
    path: (path === "/" ? "" : path) + found.slice(host.length),
    host: found,
    shebang: null,
  });
  const subjects = [
    ...walked.elf.map((facts) => ({ ...below(facts.path), facts, failure: null })),
    ...walked.failures.map((failure) => ({ ...below(failure.path), facts: null, failure })),
  ];
  subjects.sort((first, second) => (first.path < second.path ? -1 : 1));
  return { shown, path, directory: true, outside, subjects };
}

async function readSubject(shown: string, path: string, host: string): Promise<Subject> {
  try {
    const facts = await native.inspect(host);
    return { shown, path, host, facts, failure: null, shebang: null };
  } catch (caught) {
    const error = fromNative(caught);
    if (error.code === "not-elf" || isDamage(error.code)) {
      const failure = { code: error.code, message: error.message };
      const shebang = error.code === "not-elf" ? await readShebang(host) : null;
      return { shown, path, host, facts: null, failure, shebang };
    }
    throw new FixelfError(error.code, `${shown}: ${error.message}`, { path: shown, cause: caught });
  }
}

/** Whether an error says that the file is ELF, but broken. */
export function isDamage(code: FixelfErrorCode): boolean {
  return code === "truncated" || code === "malformed" || code === "limit-exceeded";
}

/** Linux reads at most 256 bytes of a script's first line (BINPRM_BUF_SIZE, since 5.1). */
async function readShebang(host: string): Promise<string | null> {
  const file = await open(host, constants.O_RDONLY);
  try {
    const buffer = Buffer.alloc(256);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    const line = buffer.subarray(0, bytesRead).toString("latin1").split("\n", 1)[0] ?? "";
    return line.startsWith("#!") ? line.slice(2).trim() : null;
  } finally {
    await file.close();
  }
}

/** Whether anyone may execute the file. */
export async function isExecutable(host: string): Promise<boolean> {
  // Not access(X_OK) alone: root may execute whatever one of the three bits allows.
  return access(host, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function cannotExamine(path: string, cause: NodeJS.ErrnoException): FixelfError {
  const denied = cause.code === "EACCES" || cause.code === "EPERM";
  const missing = cause.code === "ENOENT" || cause.code === "ENOTDIR";
  const code = missing ? "not-found" : denied ? "permission-denied" : "io";
  const why = missing ? "there is no such file" : `cannot examine it (${cause.code})`;
  return new FixelfError(code, `${path}: ${why}`, { path, cause });
}
