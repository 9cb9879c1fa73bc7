// not-executable: the shell reports "Permission denied" (EACCES).
import { stat } from "../base/disk.js";
import { shellWord } from "../base/shell.js";
import { hasLibraryName } from "../file/kind.js";
import { isExecutable } from "../file/tree.js";
import type { Problem } from "./problem.js";

/** `isNoexec`: the kernel refuses whatever the mode, which another finding reports. */
export async function permissionProblems(
  { host, shown }: { host: string; shown: string },
  isNoexec: boolean,
): Promise<Problem[]> {
  // Modules like PAM's print a banner when run, but are meant to be opened.
  if (hasLibraryName(shown)) return [];
  if (isNoexec ? await hasExecuteBit(host) : isExecutable(host)) return [];
  return [
    {
      code: "not-executable",
      severity: "error",
      message: "it is a program without execute permission",
      evidence: ["its mode has no execute permission for this user"],
      remedy: `chmod +x ${shellWord(shown)}`,
      need: null,
    },
  ];
}

async function hasExecuteBit(host: string): Promise<boolean> {
  return stat(host).then(
    ({ mode }) => (mode & 0o111) !== 0,
    () => false,
  );
}
