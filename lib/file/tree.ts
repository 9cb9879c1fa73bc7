// What the paths on a command line name: files, or whole trees of them.
import type { Facts } from "../addon/facts.js";
import { asNamed, fromNative, native } from "../addon/native.js";
import { accessSync, constants, readlinkSync, type Stats, statSync } from "../base/disk.js";
import {
  codeOfSystem,
  FixelfError,
  type FixelfErrorCode,
  isOfTheMoment,
  wordsOfSystem,
} from "../base/errors.js";
import type { CommonOptions } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import { readBeginning } from "./beginning.js";
import { type Content, contentOf } from "./content.js";
import { insideRoot, type OtherSystem, type Purpose } from "./rooted.js";
import { parseShebang, type Shebang, shebangWindow } from "./shebang.js";

/** A file that was examined, ELF or not. */
export interface Subject {
  /** As the caller named it, or found below what the caller named. */
  shown: string;
  /** As seen from the root: what the loader, and so every later stage, would call it. */
  path: string;
  /** Where this machine can open it. */
  host: string;
  /** null if it is not a readable ELF file. */
  facts: Facts | null;
  /** Why there are no facts, and what helps, if known. */
  failure: { code: FixelfErrorCode; message: string; remedy?: string } | null;
  /** The first line of a script. */
  shebang: Shebang | null;
}

/** A program or library for Windows or macOS, which packages include alongside those for Linux. */
export interface ForOtherSystem {
  shown: string;
  host: string;
  content: Content;
}

/** One path from the command line, with everything below it. */
export interface Tree {
  shown: string;
  /** As seen from the root, without links. */
  path: string;
  directory: boolean;
  /** It is not part of the root that was named, and is seen as it is on this machine. */
  outside: boolean;
  subjects: Subject[];
  /** Below a directory, and not among the subjects. */
  forOtherSystems: ForOtherSystem[];
  /** What a killed fixelf may have left behind, on this machine; not programs. */
  leftovers: string[];
}

/**
 * The temporary name of a file while it is written, which remains if the process is killed at that moment; see
 * native/patch/replacement.cpp.
 */
const leftoverName = /\/\.[^/]*\.fixelf-[0-9a-f]{16}$/;

/**
 * Reads what a path names. Below a directory, the subjects are every ELF file, every damaged one, and every executable
 * script. Programs for other systems are listed separately.
 * @throws FixelfError `not-found`, `permission-denied` or `io`
 */
export async function readTree(
  named: string,
  system: OtherSystem,
  purpose: Purpose = "read",
): Promise<Tree> {
  const shown = named.length > 1 ? named.replace(/\/+$/, "") || "/" : named;
  const { path, host, outside } = insideRoot(shown, system, purpose);
  if (!stateOf(host, shown).isDirectory()) {
    // As in the kernel (path_resolution(7)): only a directory's name may end like this.
    if (/\/\.?$/.test(named))
      throw new FixelfError("not-found", `${named}: Not a directory`, { path: named });
    const subject = await readSubject(shown, path, host, system);
    const nothing = { forOtherSystems: [], leftovers: [] };
    return { shown, path, directory: false, outside, subjects: [subject], ...nothing };
  }
  const walked = await native.walk(host);
  const below = (found: string) => ({
    shown: shown + found.slice(host.length),
    path: (path === "/" ? "" : path) + found.slice(host.length),
    host: found,
    shebang: null,
  });
  const found = [
    ...walked.elf.map((facts) => ({ ...below(facts.path), facts, failure: null })),
    ...(await Promise.all(
      walked.failures.map(async (failure) => {
        const place = below(failure.path);
        return { ...place, facts: null, failure: await failureOf(failure, place, system) };
      }),
    )),
    ...walked.scripts.map((script) => ({
      ...below(script),
      facts: null,
      failure: isNoElf,
      shebang: readShebang(script),
    })),
  ];
  const subjects = found.filter(({ host }) => !leftoverName.test(host));
  const leftovers = found.map(({ host }) => host).filter((host) => leftoverName.test(host));
  subjects.sort((first, second) => (first.path < second.path ? -1 : 1));
  const forOtherSystems = walked.otherSystems.flatMap((found): ForOtherSystem[] => {
    const { shown } = below(found);
    const content = contentOf(found, shown);
    return content.otherSystem === undefined ? [] : [{ shown, host: found, content }];
  });
  return { shown, path, directory: true, outside, subjects, forOtherSystems, leftovers };
}

function stateOf(host: string, shown: string): Stats {
  try {
    return statSync(host);
  } catch (cause) {
    throw cannotExamine(shown, cause);
  }
}

const isNoElf = { code: "not-elf", message: "it is not an ELF file" } as const;

/** What to report about a file that cannot be read. */
async function failureOf(
  { code, message }: { code: FixelfErrorCode; message: string },
  { host, shown }: Pick<Subject, "host" | "shown">,
  system: CommonOptions,
): Promise<NonNullable<Subject["failure"]>> {
  if (!isDamage(code)) return { code, message };
  const { isInterrupted } = await import("./interrupted.js"); // records only matter for the few damaged files
  try {
    if (!(await isInterrupted(host))) return { code, message };
  } catch (failure) {
    if (isOfTheMoment(failure)) throw failure;
    const why = fromNative(failure).message;
    return { code, message: `${message}; whether a fix was interrupted is not known: ${why}` };
  }
  const remedy = fixelfCommand("undo", shown, system);
  return { code, message: "a fix was interrupted as it wrote into the file", remedy };
}

async function readSubject(
  shown: string,
  path: string,
  host: string,
  system: CommonOptions,
): Promise<Subject> {
  try {
    const facts = await native.inspect(host);
    return { shown, path, host, facts, failure: null, shebang: null };
  } catch (caught) {
    const error = fromNative(caught);
    if (error.code === "not-elf" || isDamage(error.code)) {
      const failure = await failureOf(error, { host, shown }, system);
      const shebang = error.code === "not-elf" ? readShebang(host) : null;
      return { shown, path, host, facts: null, failure, shebang };
    }
    throw asNamed(caught, shown);
  }
}

/** Whether an error means that the file is ELF, but broken. */
export function isDamage(code: FixelfErrorCode): boolean {
  return code === "truncated" || code === "malformed" || code === "limit-exceeded";
}

/** Something below a directory that could not be examined, whatever it is. */
export interface Unread {
  /** As `Subject.shown`. */
  path: string;
  /** The kind of reason that `message` gives. */
  code: FixelfErrorCode;
  /** A sentence without the path. */
  message: string;
}

export function unreadBelow({ directory, subjects }: Tree): Unread[] {
  if (!directory) return [];
  return subjects.flatMap(({ shown: path, failure }) =>
    failure === null || failure.code === "not-elf" || isDamage(failure.code)
      ? []
      : [{ path, code: failure.code, message: failure.message }],
  );
}

/** The first line of a script; null if the file is not a script or cannot be read. */
export function readShebang(host: string): Shebang | null {
  return parseShebang(readBeginning(host, shebangWindow));
}

/** Whether this process may execute the file: for root, if any of the three bits allows it. */
export function isExecutable(host: string): boolean {
  try {
    accessSync(host, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What `stat` said about a file that was named. */
export function cannotExamine(path: string, cause: unknown): FixelfError {
  const code = codeOfSystem(cause);
  const { code: errno } = cause as NodeJS.ErrnoException;
  const said = wordsOfSystem(cause) ?? errno;
  const why = errno === "ENOENT" ? whyMissing(path) : `cannot examine it: ${said}`;
  return new FixelfError(code, `${path}: ${why}`, { path, cause });
}

function whyMissing(path: string): string {
  return brokenLink(path) ?? "there is no such file";
}

/** Whether a missing file is a link that leads nowhere, as a sentence. */
export function brokenLink(host: string): string | null {
  try {
    return `it is a link to ${readlinkSync(host)}, which is not there`;
  } catch {
    return null; // not a link (EINVAL), or missing (ENOENT), or below something that is not a directory (ENOTDIR)
  }
}
