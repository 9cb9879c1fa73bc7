// kernel-too-old: the loader reports "FATAL: kernel too old" (glibc sysdeps/unix/sysv/linux/dl-sysdep.c) or passes over
// a library whose note asks for a newer one (elf/dl-load.c, open_verify).
import type { Resolution } from "../addon/facts.js";
import { compareVersions } from "../file/versions.js";
import type { Host } from "./host.js";
import type { LoadedObject } from "./loaded.js";
import type { Problem } from "./problem.js";

export function kernelProblems(
  objects: readonly LoadedObject[],
  host: Host,
  libc: Resolution["libc"],
): Problem[] {
  const running = /^\d+(\.\d+)*/.exec(host.kernel)?.[0];
  if (running === undefined) return [];
  return objects.flatMap(({ path, facts }): Problem[] => {
    const { abiTag } = facts.notes;
    if (abiTag === null || abiTag.operatingSystem.toLowerCase() !== "linux") return [];
    const least = abiTag.kernel.join(".");
    if (compareVersions(running, least) >= 0) return [];
    // The loader does not check what the kernel itself has mapped.
    const isMapped = ["executable", "pie"].includes(facts.type);
    const checked = !isMapped && libc !== "musl" && loaderChecks(objects);
    return [
      {
        code: "kernel-too-old",
        severity: checked ? "error" : "warning",
        message: `${path} is built for Linux ${least} or newer, and this is Linux ${running}`,
        evidence: [
          `its note NT_GNU_ABI_TAG says Linux ${least}`,
          `uname -r says ${host.kernel}`,
          ...(checked ? [] : ["nothing checks that when it starts"]),
        ],
        remedy: `Start a newer kernel, or get a build for Linux ${running}`,
        need: null,
      },
    ];
  });
}

/** glibc has not checked the kernel's version since 2.36. */
function loaderChecks(objects: readonly LoadedObject[]): boolean {
  const libc = objects.find(({ facts }) => facts.soname === "libc.so.6");
  if (libc === undefined) return true;
  return !libc.facts.versionsDefined.some(
    (version) =>
      /^GLIBC_2\.\d+$/.test(version) &&
      compareVersions(version.slice("GLIBC_".length), "2.36") >= 0,
  );
}
