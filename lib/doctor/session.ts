// session-environment: what the calling session's variables change. A profile or a shell that sets LD_LIBRARY_PATH
// leads programs for one glibc to another's libraries (NixOS/nix 6563), and nix-ld starts what NIX_LD names.
import type { Facts } from "../addon/facts.js";
import { variable } from "../base/process.js";
import { shellWord } from "../base/shell.js";
import type { Machine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { type Environment, standInVariables } from "../file/stand_in.js";
import type { Subject } from "../file/tree.js";
import { isError, type Problem } from "../judge/problem.js";
import type { Start } from "../judge/start.js";
import type { Finding } from "./finding.js";

/** The session's variables that tell a machine's loader, or a stand-in, where to look. */
export function loaderVariables(machine: Machine): Environment {
  const ofLoader = ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_BIND_NOW"];
  const values = [...ofLoader, ...standInVariables(nixSystem(machine))].flatMap((name) => {
    const value = variable(name);
    // For a stand-in, an empty value counts too: it means no directory, and overrides the general variable.
    return value === undefined || (value === "" && ofLoader.includes(name)) ? [] : [[name, value]];
  });
  return Object.fromEntries(values);
}

/** A way to start a file, and what is wrong with it. */
export interface Judged {
  start: Start;
  problems: Problem[];
}

export interface SessionVerdict {
  /** What decides the file's verdict. */
  judged: Judged;
  finding: Finding | null;
}

/**
 * Compares what is wrong in an empty environment with what is wrong in the session's: the file is judged as it is here,
 * and the difference is reported.
 */
export async function inSession(
  subject: Subject,
  facts: Facts,
  empty: Judged,
  session: Environment,
  judgeWith: (environment: Environment) => Promise<Judged>,
): Promise<SessionVerdict> {
  const here = await judgeWith(session);
  const isBad = ({ problems }: Judged) => problems.some(isError);
  const without = empty.problems.find(isError);
  const within = here.problems.find(isError);
  if ((without === undefined) === (within === undefined))
    return { judged: within === undefined ? here : empty, finding: null };
  const names = Object.keys(session);
  const said = names.map((name) => `${name}=${session[name]}`);
  if (within === undefined) {
    const culprits = await decisive(session, async (rest) => isBad(await judgeWith(rest)));
    return {
      judged: here,
      finding: {
        code: "session-environment",
        severity: "warning",
        message: `it starts because this session sets ${culprits.join(" and ")}; without: ${without?.message}`,
        evidence: said,
        cause: culprits.join(", "),
        remedy: `Set ${culprits.join(" and ")} wherever it is started`,
      },
    };
  }
  const culprits = await decisive(session, async (rest) => !isBad(await judgeWith(rest)));
  // Parts of two glibc releases are compatible if neither has changed what they share.
  const prevents = within.need?.kind === "libc" ? "may prevent" : "prevents";
  const unset = culprits.map((name) => `-u ${name}`).join(" ");
  const what = facts.type === "shared-library" ? "PROGRAM" : shellWord(subject.shown);
  return {
    judged: empty,
    finding: {
      code: "session-environment",
      severity: "error",
      message: `${culprits.join(" and ")}, as this session sets it, ${prevents} it from starting: ${within.message}`,
      evidence: [...said, ...within.evidence],
      cause: culprits.join(", "),
      remedy: `env ${unset} ${what}`,
    },
  };
}

/** The variables that each make a difference on their own if removed; all of them if none does. */
async function decisive(
  session: Environment,
  isOtherwise: (rest: Environment) => Promise<boolean>,
): Promise<string[]> {
  const names = Object.keys(session);
  const found: string[] = [];
  for (const name of names) {
    if (await isOtherwise({ ...session, [name]: undefined })) found.push(name);
  }
  return found.length > 0 ? found : names;
}
