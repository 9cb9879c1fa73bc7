// script-interpreter-missing: what helps a script whose first line leads to nothing that runs.
import { absolute } from "../base/process.js";
import { fixelfCommand, shellWord } from "../base/shell.js";
import { shebangWindow } from "../file/shebang.js";
import type { Environment } from "../file/stand_in.js";
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

/** @param environments those in which its interpreter may be started */
export async function scriptFindings(
  subject: Subject,
  circumstances: Circumstances,
  environments: readonly Environment[],
): Promise<Finding[]> {
  if (subject.shebang === null) return [];
  const problem = await scriptProblem(subject.shebang, { ...circumstances, environments });
  const evidence = [`#!${subject.shebang.text}`];
  const base = { code: "script-interpreter-missing" } as const;
  if (problem === null) {
    const { cut, interpreter } = subject.shebang;
    const warning = { ...base, severity: "warning", evidence, cause: null } as const;
    if (cut === "argument") {
      const message = `Linux reads ${shebangWindow - 1} bytes of its first line and cuts the arguments short`;
      const remedy = "Shorten the first line: set what it says inside the script";
      return [{ ...warning, message, remedy }];
    }
    if (interpreter.startsWith("/") || circumstances.place.root !== "") return [];
    const message = `its interpreter ${interpreter} is a relative path, so it starts only if the working directory has it`;
    const remedy = `Change its first line to: #!${absolute(interpreter)}`;
    return [{ ...warning, message, remedy }];
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
  const { kind, name, unstartable } = problem;
  if (kind === "carriage-return" || name === null || irreplaceable(problem) !== undefined)
    return false;
  if (programInTree(name, tree.subjects) !== undefined) return true;
  const found = await findProgram(name, store);
  return found !== null && found.path !== unstartable?.path;
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
