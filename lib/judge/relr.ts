// relocations-unmarked: the loader reports "DT_RELR without GLIBC_ABI_DT_RELR dependency" (since glibc 2.36,
// _dl_check_map_versions in elf/dl-version.c). Older ones skip such relocations, and the program crashes; so does musl
// before 1.2.4, except where a distribution has patched it, which its loader does not show.
import type { Resolution } from "../addon/facts.js";
import { shellWord } from "../base/shell.js";
import type { Problem } from "./problem.js";

export function relrProblemsOf({ relrProblems, interpreter, libc }: Resolution): Problem[] {
  if (libc === "musl")
    return relrProblems.map((path) => ({
      code: "relocations-unmarked",
      severity: "warning",
      message: `${path} has packed relocations, which musl applies since 1.2.4, and its loader is older`,
      evidence: [
        `${path} has DT_RELR`,
        `${interpreter.path} is of a musl before 1.2.4: with it the program crashes, unless that musl is patched`,
      ],
      remedy: `fixelf fix --interpreter LOADER ${shellWord(path)}, with the loader of musl 1.2.4 or newer`,
      need: null,
    }));
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
