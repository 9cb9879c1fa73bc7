// What is loaded before everything else because LD_PRELOAD or /etc/ld.so.preload names it. The loader goes on without
// what it cannot load ("object … cannot be preloaded: ignored"; glibc elf/rtld.c, do_preload), but what it has loaded
// is part of the program: a missing library ends the program even if only the preloaded one needs it.
import type { Resolution, ResolvedLibrary } from "../addon/facts.js";
import type { Problem } from "./problem.js";

/** What to report if a file is loaded only because a file names it; null for all others. */
export function becauseOfPreload(
  path: string,
  { libraries }: Pick<Resolution, "libraries">,
): Pick<Problem, "evidence" | "remedy"> | null {
  let at = path;
  // Each step leads to another library.
  for (const _ of libraries) {
    const library = libraries.find((each) => each.path === at);
    if (library === undefined) return null;
    const { kind, optional, neededBy: by } = library;
    if (kind === "preloaded" && optional)
      // Findings about the session name the variable; a module judged on its own is not preloaded.
      return by.startsWith("/")
        ? {
            evidence: [`${by} names ${at}, so that every program loads it`],
            remedy: `Take ${at} out of ${by}, or get a build of it that fits this system`,
          }
        : null;
    at = by;
  }
  return null;
}

/**
 * A preloaded file that is not loaded, and what is wrong with it.
 * @param damageOf how the ELF file with that name contradicts itself; null if it does not
 */
export function passedOverPreload(
  { soname, neededBy: by, tried, reason }: ResolvedLibrary,
  found: Pick<Problem, "code" | "message">,
  damageOf: (path: string) => string | null,
): Problem {
  const common = {
    evidence: tried.length === 0 ? [reason] : tried.map(({ path, why }) => `${path}: ${why}`),
    remedy: `Take ${soname} out of ${by}`,
    need: null,
  };
  const damaged = tried.find(({ code }) => code === "malformed");
  const damage = damaged?.why ?? (soname.startsWith("/") ? damageOf(soname) : null);
  if (damage === null)
    return {
      ...common,
      code: found.code,
      severity: "warning",
      message: `${found.message}; ${by} names it, and its loader complains and goes on without it`,
    };
  // Only headers are checked before the file is mapped and used, so the kernel may kill the process.
  return {
    ...common,
    code: "library-unusable",
    severity: "error",
    message: `${soname} cannot be loaded: ${damage}; ${by} names it, and its loader may map it all the same, and crash`,
  };
}
