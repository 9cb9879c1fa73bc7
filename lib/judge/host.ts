// The properties of this machine that decide whether a program starts: its kernel, its processor, its mounts. None of
// them are known for another system's root.
import { release } from "node:os";
import { readFileSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

export interface Mount {
  /** Where it is mounted. */
  point: string;
  noexec: boolean;
}

export interface Host {
  /** As uname(2) reports it: "6.6.54-generic". */
  kernel: string;
  /** The first processor's features, by their names in /proc/cpuinfo. Empty if not known. */
  processorFlags(): ReadonlySet<string>;
  /** In mount order: later mounts cover earlier ones. */
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
    const [, , , , point, options] = line.split(" ");
    if (point === undefined || options === undefined) return [];
    const written = point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return [{ point: written, noexec: options.split(",").includes("noexec") }];
  });
}

/** The mount that contains a path, which must have no symbolic links. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | null {
  let best: Mount | null = null;
  for (const mount of mounts) {
    const below = mount.point === "/" ? "/" : `${mount.point}/`;
    if (path !== mount.point && !path.startsWith(below)) continue;
    if (best === null || mount.point.length >= best.point.length) best = mount;
  }
  return best;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (failure) {
    return unlessOfTheMoment("")(failure);
  }
}
