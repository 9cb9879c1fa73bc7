// noexec-mount: the shell reports "Permission denied" for a program whose mode is right (EACCES), and the loader
// "failed to map segment from shared object" for a library (EPERM from mmap(2)).
import type { NativeFiles } from "../addon/native.js";
import { shellWord } from "../base/shell.js";
import { type Host, isAtOrBelow, mountOf } from "./host.js";
import type { Problem } from "./problem.js";

/** `paths` are those that are mapped to be executed, on this machine. */
export function mountProblems(
  path: string,
  paths: readonly string[],
  host: Host,
  files: Pick<NativeFiles, "realPath">,
): Problem[] {
  const noexec = host.mounts().filter((mount) => mount.noexec);
  const byMount = new Map<string, string[]>();
  for (const each of paths) {
    const real = files.realPath(each);
    // Most mounts are irrelevant: only below one of these does it matter which mount it is.
    if (!noexec.some((mount) => isAtOrBelow(real, mount))) continue;
    const mount = mountOf(real, host.mounts());
    if (mount === null || !mount.noexec) continue;
    const before = byMount.get(mount.point);
    if (before === undefined) byMount.set(mount.point, [each]);
    else before.push(each);
  }
  return [...byMount].map(([point, mapped]) => {
    const own = mapped.includes(path);
    const what = own ? "it is" : `${mapped[0]} is`;
    return {
      code: "noexec-mount",
      severity: "error",
      message: `${what} on a file system that is mounted without permission to execute (noexec)`,
      evidence: [
        `/proc/self/mountinfo says that ${point} is mounted noexec`,
        ...mapped.slice(0, 12).map((file) => `${file} is on it`),
      ],
      remedy: `mount -o remount,exec ${shellWord(point)}`,
      need: null,
    };
  });
}
