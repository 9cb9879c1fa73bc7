// not-executable: the shell says "Permission denied" (EACCES).

import { stat } from "node:fs/promises";
import { shellWord } from "../base/shell.js";
import { isExecutable, type Subject } from "../file/tree.js";
import type { Finding } from "./finding.js";

/** `isNoexec`: the kernel refuses whatever the mode says, and another finding says so. */
export async function permissionFindings(subject: Subject, isNoexec: boolean): Promise<Finding[]> {
  if (isNoexec ? await hasExecuteBit(subject.host) : await isExecutable(subject.host)) return [];
  return [
    {
      code: "not-executable",
      severity: "error",
      message: "it is a program, but may not be executed",
      evidence: ["its mode has no execute permission for this user"],
      remedy: `chmod +x ${shellWord(subject.shown)}`,
    },
  ];
}

async function hasExecuteBit(host: string): Promise<boolean> {
  return stat(host).then(
    ({ mode }) => (mode & 0o111) !== 0,
    () => false,
  );
}
