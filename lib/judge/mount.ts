// noexec-mount: the shell reports "Permission denied" for a program whose mode is right (EACCES), and the loader
// "failed to map segment from shared object" for a library (EPERM from mmap(2)).
import type { NativeFiles } from "../addon/native.js";
import { shellWord } from "../base/shell.js";
import { type Host, mountOf } from "./host.js";
import type { Problem } from "./problem.js";

/** `paths` are those that are mapped to be executed, on this machine. */
export function mountProblems(
  path: string,
  paths: readonly string[],
  host: Host,
  files: Pick<NativeFiles, "realPath" | "isNoexec">,
): Problem[] {
  const byMount = new Map<string, string[]>();
  for (const each of paths) {
    if (!files.isNoexec(each)) continue;
    const real = files.realPath(each);
    const point = mountOf(real, host.mounts())?.point ?? real;
    const before = byMount.get(point);
    if (before === undefined) byMount.set(point, [each]);
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
        `statvfs(3) says that ${point} is mounted noexec`,
        ...mapped.slice(0, 12).map((file) => `${file} is on it`),
      ],
      remedy: `mount -o remount,exec ${shellWord(point)}`,
      need: null,
    };
  });
}
