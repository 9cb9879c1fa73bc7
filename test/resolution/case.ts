// One case: a few files, and what is asked about them. `@` in any text means the directory in which the case is laid
// out; it is empty if that is a root of its own.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CacheEntry, cacheBytes } from "./cache.js";
import type { Machine } from "./machines.js";
import type { Foundry, ObjectSpec } from "./object.js";

export type FileSpec = ObjectSpec | string | { link: string } | { directory: true };

export interface Case {
  title: string;
  /** By path, starting with a slash. "/bin/program" is the one examined. */
  files: Record<string, FileSpec>;
  /** LD_LIBRARY_PATH. */
  libraryPath?: string;
  /** LD_PRELOAD. */
  preload?: string;
  /** Directories for ldconfig, which makes /etc/ld.so.cache. */
  ldconfig?: string[];
  /** /etc/ld.so.cache, written here. */
  cache?: { entries: CacheEntry[]; format?: "new" | "old" | "both" };
  /** It needs files at fixed places, or the current directory: a root of its own. */
  fixed?: boolean;
  /** The program's path, if it is another. */
  program?: string;
  /** Only for these machines. Default: all. */
  machines?: Machine["name"][];
  /**
   * The program is set-user-ID or set-group-ID, and another user starts it (AT_SECURE). It is run
   * and not traced, since newer loaders then do not trace.
   */
  secure?: "set-user-id" | "set-group-id";
  /** NIX_LD_LIBRARY_PATH: a stand-in is in the loader's place, and starts the real one, which is at realLoader. */
  nixLd?: string;
  /** Filters change the order of the objects, which is not that in which they are opened. */
  unordered?: boolean;
}

export interface Rule {
  name: string;
  cases: Case[];
}

/** Whether the case makes sense for the machine and can be tried here. */
export function suits(case_: Case, machine: Machine): boolean {
  if (case_.machines && !case_.machines.includes(machine.name)) return false;
  const fixed =
    case_.nixLd !== undefined || case_.fixed || case_.secure || case_.ldconfig || case_.cache;
  return !(fixed && machine.emulator !== null);
}

/** Where the real loader is if a stand-in is in its place. */
export const realLoader = "/opt/real/ld-linux-x86-64.so.2";

const secureModes = { "set-user-id": 0o4755, "set-group-id": 0o2755 };

export function programOf({ program = "/bin/program" }: Case): string {
  return program;
}

/** Writes the case's files below `directory`. `base` replaces `@`. */
export function layOut(
  case_: Case,
  directory: string,
  base: string,
  machine: Machine,
  foundries: Map<string, Foundry>,
): void {
  const replace = <Value>(value: Value): Value =>
    JSON.parse(JSON.stringify(value).replaceAll("@", base)) as Value;
  for (const [path, written] of Object.entries(case_.files)) {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    const file = replace(written);
    if (typeof file === "string") writeFileSync(place, file);
    else if ("link" in file && typeof file.link === "string") symlinkSync(file.link, place);
    else if ("directory" in file) mkdirSync(place);
    else {
      const spec = file as ObjectSpec;
      const foundry = foundries.get(spec.machine ?? machine.name);
      if (!foundry) throw new Error(`no compiler for ${spec.machine}`);
      writeFileSync(place, foundry.cast(spec));
      chmodSync(place, spec.mode ?? 0o755);
    }
  }
  if (case_.secure) chmodSync(join(directory, programOf(case_)), secureModes[case_.secure]);
  if (case_.ldconfig) {
    mkdirSync(join(directory, "etc"), { recursive: true });
    writeFileSync(join(directory, "etc/ld.so.conf"), `${case_.ldconfig.join("\n")}\n`);
  }
  if (case_.cache) {
    mkdirSync(join(directory, "etc"), { recursive: true });
    const { entries, format } = case_.cache;
    writeFileSync(join(directory, "etc/ld.so.cache"), cacheBytes(entries, format));
  }
}
