// isa-level-too-high: the loader reports "CPU ISA level is lower than required" (glibc sysdeps/x86/dl-prop.h,
// dl_isa_level_check), or the program dies of SIGILL.

import type { Resolution } from "../addon/facts.js";
import type { Host } from "./host.js";
import type { LoadedObject } from "./loaded.js";
import type { Problem } from "./problem.js";

/**
 * The x86-64 psABI levels: each one's bit in GNU_PROPERTY_X86_ISA_1_NEEDED, and what it adds to the one before, by the
 * kernel's names (arch/x86/include/asm/cpufeatures.h).
 */
const levels = [
  { bit: 1, name: "x86-64", flags: [] },
  {
    bit: 2,
    name: "x86-64-v2",
    flags: ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"],
  },
  {
    bit: 4,
    name: "x86-64-v3",
    flags: ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"],
  },
  {
    bit: 8,
    name: "x86-64-v4",
    flags: ["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"],
  },
];

export function isaProblems(
  objects: readonly LoadedObject[],
  host: Host,
  libc: Resolution["libc"],
): Problem[] {
  const problems: Problem[] = [];
  // musl's loader does not read the note, and no loader reads a static program's.
  const checked = libc === "glibc";
  for (const { path, facts } of objects) {
    const needed = facts.notes.x86IsaNeeded ?? 0;
    // The kernel takes a while to produce /proc/cpuinfo on a machine with many processors.
    if (needed <= 1) continue;
    const flags = host.processorFlags();
    if (flags.size === 0) continue;
    const highest = levels.findLastIndex(({ bit }) => (needed & bit) !== 0);
    const wanted = levels.slice(0, highest + 1);
    const lacking = wanted.flatMap((level) => level.flags).filter((flag) => !flags.has(flag));
    const level = levels[highest];
    if (level === undefined || lacking.length === 0) continue;
    problems.push({
      code: "isa-level-too-high",
      severity: checked ? "error" : "warning",
      message: `${path} is built for ${level.name} processors, and this is not one`,
      evidence: [
        `its note GNU_PROPERTY_X86_ISA_1_NEEDED asks for ${level.name}`,
        `/proc/cpuinfo does not name ${lacking.join(", ")}`,
        ...(checked ? [] : ["nothing checks that when it starts"]),
      ],
      remedy: `Get a build of ${path} for ${nameOfBest(flags)}, or run it on a newer machine`,
      need: null,
    });
  }
  return problems;
}

/** The highest level that a processor supports, along with all those below. */
function nameOfBest(flags: ReadonlySet<string>): string {
  const firstLacking = levels.findIndex((level) => !level.flags.every((flag) => flags.has(flag)));
  return levels.at(firstLacking === -1 ? -1 : firstLacking - 1)?.name ?? "x86-64";
}
