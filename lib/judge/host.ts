// The properties of this machine that decide whether a program starts: its kernel, its processor, its mounts. None of
// them are known for another system's root.
import { release } from "node:os";
import { readFileSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

export interface Mount {
  id: number;
  /** The mount that it is mounted on. */
  parent: number;
  /** Where it is mounted. */
  point: string;
}

export interface Host {
  /** As uname(2) reports it: "6.6.54-generic". */
  kernel: string;
  /** The first processor's features, by their names in /proc/cpuinfo. Empty if not known. */
  processorFlags(): ReadonlySet<string>;
  mounts(): readonly Mount[];
}

/** This machine; each property is read when it is first needed. */
export function thisHost(): Host {
  let flags: ReadonlySet<string> | undefined;
  let mounts: readonly Mount[] | undefined;
  return {
    kernel: release(),
    processorFlags() {
      flags ??= parseProcessorFlags(textOf("/proc/cpuinfo"));
      return flags;
    },
    mounts() {
      mounts ??= parseMounts(textOf("/proc/self/mountinfo"));
      return mounts;
    },
  };
}

/** The "flags" line of the first processor in /proc/cpuinfo. */
export function parseProcessorFlags(text: string): ReadonlySet<string> {
  const line = /^flags\s*: (.*)$/m.exec(text)?.[1] ?? "";
  return new Set(line.split(" ").filter((flag) => flag !== ""));
}

/** The lines of /proc/PID/mountinfo (proc(5)); blanks in names are written as octal numbers. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [id, parent, , , point] = line.split(" ", 5);
    if (point === undefined) return [];
    const written = point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return [{ id: Number(id), parent: Number(parent), point: written }];
  });
}

/**
 * The mount that contains a path, which must have no symbolic links: where the kernel's walk from the root ends
 * (fs/namei.c, traverse_mounts). What lies beneath a mount is not met, even if it is mounted deeper in the tree.
 */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | null {
  const left = mounts
    .filter((mount) => isAtOrBelow(path, mount))
    .sort((one, other) => one.point.length - other.point.length);
  const listed = new Set(mounts.map(({ id }) => id));
  let at = left.find(({ id, parent }) => parent === id || !listed.has(parent)) ?? null;
  for (let next = at; next !== null; ) {
    at = next;
    next = left.find(({ id, parent }) => parent === at?.id && id !== parent) ?? null;
  }
  return at;
}

function isAtOrBelow(path: string, { point }: Mount): boolean {
  return path === point || path.startsWith(point === "/" ? "/" : `${point}/`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (failure) {
    return unlessOfTheMoment("")(failure);
  }
}
