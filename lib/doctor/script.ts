// script-interpreter-missing: what helps a script whose first line leads to nothing that runs.
import { fixelfCommand, shellWord } from "../base/shell.js";
import { shebangWindow } from "../file/shebang.js";
import type { Subject } from "../file/tree.js";
import {
  comesAlong,
  irreplaceable,
  programInTree,
  type ScriptProblem,
  scriptProblem,
} from "../judge/script.js";
import { packageOfProgram } from "../store/nixpkgs/program_packages.js";
import { findProgram } from "../store/programs.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import type { Finding } from "./finding.js";

export async function scriptFindings(
  subject: Subject,
  circumstances: Circumstances,
): Promise<Finding[]> {
  if (subject.shebang === null) return [];
  const problem = scriptProblem(subject.shebang, circumstances);
  const evidence = [`#!${subject.shebang.text}`];
  const base = { code: "script-interpreter-missing" } as const;
  if (problem === null) {
    if (subject.shebang.cut !== "argument") return [];
    return [
      {
        ...base,
        severity: "warning",
        message: `Linux reads ${shebangWindow - 1} bytes of its first line and cuts the arguments short`,
        evidence,
        cause: null,
        remedy: "Shorten the first line: set what it says inside the script",
      },
    ];
  }
  const isProvided = await provides(problem, circumstances);
  const isHelpless = !isProvided && problem.unstartable === undefined;
  return [
    {
      ...base,
      // Below a directory there are modules that are marked executable and never run. If nothing helps one of them, the
      // whole is none the worse for it.
      severity: circumstances.tree.directory && isHelpless ? "warning" : "error",
      message: problem.message,
      evidence: [...evidence, ...problem.evidence],
      cause: problem.name,
      remedy: remedyOf(problem, isProvided, subject, circumstances),
    },
  ];
}

/** Whether there is a program that could run the script. */
async function provides(problem: ScriptProblem, { tree, store }: Circumstances): Promise<boolean> {
  const { kind, name } = problem;
  if (kind === "carriage-return" || name === null || irreplaceable(problem) !== undefined)
    return false;
  if (programInTree(name, tree.subjects) !== undefined) return true;
  return (await findProgram(name, store)) !== null;
}

function remedyOf(
  { kind, name, meant, unstartable }: ScriptProblem,
  isProvided: boolean,
  subject: Subject,
  circumstances: Circumstances,
): string {
  if (kind === "carriage-return") return `sed -i 's/\\r$//' ${shellWord(subject.shown)}`;
  if (meant !== undefined) return `Change its first line to: ${meant}`;
  if (name === null) return "Change its first line to: #!/usr/bin/env NAME";
  const fix = fixCommand(subject, circumstances);
  if (isProvided) return fix;
  if (unstartable !== undefined) {
    if (unstartable.remedy !== null) return unstartable.remedy;
    return comesAlong(unstartable.path, circumstances.tree, circumstances.files)
      ? fix
      : fixelfCommand("fix", unstartable.path, circumstances.options);
  }
  const found = packageOfProgram(name);
  const what = found === null ? "it" : `it (it is in ${found})`;
  return `Neither PATH nor the store provides ${name}. Install ${what}, then: ${fix}`;
}
