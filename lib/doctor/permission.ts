// not-executable: the shell says "Permission denied" (EACCES).

import { shellWord } from "../shell.js";
import type { Subject } from "../subject.js";
import { isExecutable } from "../subject.js";
import type { Finding } from "./finding.js";

export async function permissionFindings(subject: Subject): Promise<Finding[]> {
  if (await isExecutable(subject.host)) return [];
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
