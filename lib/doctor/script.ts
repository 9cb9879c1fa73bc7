// script-interpreter-missing: the shell says "bad interpreter: No such file or directory".
import type { Subject } from "../subject.js";
import type { Circumstances } from "./circumstances.js";
import type { Finding } from "./finding.js";

export function scriptFindings(subject: Subject, { files }: Circumstances): Finding[] {
  const [interpreter = "", argument] = (subject.shebang ?? "").split(/[ \t]+/, 2);
  const { state } = files.look(interpreter);
  if (state !== "missing") return [];
  const name = interpreter.endsWith("/env") && argument ? argument : interpreter.split("/").pop();
  const carriage = interpreter.endsWith("\r");
  return [
    {
      code: "script-interpreter-missing",
      message: carriage
        ? "its first line ends in a carriage return, which becomes part of the interpreter's name"
        : `its first line names ${interpreter}, which is not there`,
      evidence: [`#!${subject.shebang}`, `${interpreter}: not there`],
      remedy: carriage
        ? `sed -i 's/\\r$//' ${subject.shown}`
        : `Run it by name: ${name} ${subject.shown}; or write its first line as #!/usr/bin/env ${name}`,
    },
  ];
}
