// relocations-unmarked: the loader reports "DT_RELR without GLIBC_ABI_DT_RELR dependency" (since glibc 2.36,
// _dl_check_map_versions in elf/dl-version.c). Older ones skip such relocations, and the program crashes.
import type { Resolution } from "../addon/facts.js";
import type { Problem } from "./problem.js";

export function relrProblemsOf({ relrProblems, interpreter }: Resolution): Problem[] {
  return relrProblems.map((path) => ({
    code: "relocations-unmarked",
    severity: "error",
    message: `${path} has packed relocations, but does not declare that it needs a libc that supports them`,
    evidence: [
      `${path} has DT_RELR, but does not require GLIBC_ABI_DT_RELR from libc`,
      `${interpreter.path} is of a glibc that insists on it (2.36 or newer)`,
    ],
    remedy: `Get another build of ${path}, or link it with -z pack-relative-relocs instead of --pack-dyn-relocs=relr`,
    need: null,
  }));
}
