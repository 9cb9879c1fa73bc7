// What of this machine decides whether a program starts: its kernel, its processor, its mounts.
// Nothing of it is known of another system's root.
import { release } from "node:os";
import { readFileSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

export interface Mount {
  /** Where it is mounted. */
  point: string;
  noexec: boolean;
}

export interface Host {
  /** As uname(2) says it: "6.6.54-generic". */
  kernel: string;
  /** What the first processor can do, by the names of /proc/cpuinfo. Empty where it is not known. */
  processorFlags(): ReadonlySet<string>;
  /** In the order in which they were mounted: a later one covers those before it. */
  mounts(): readonly Mount[];
}

/** This machine; each thing is read when it is first asked for. */
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

/** The lines of /proc/PID/mountinfo (proc(5)); blanks in names stand there as octal numbers. */
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

/** The mount that a path, without symbolic links, is on. */
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
