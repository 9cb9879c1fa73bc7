// Which store paths building attributes of a nixpkgs would give. Nothing is built or fetched for this except nixpkgs
// itself.
import { capture, type NixRun } from "./nix_command.js";
import { evaluateCommand, type Nixpkgs } from "./nixpkgs.js";

/** One attribute to look at. */
export interface Asked {
  /** "stdenv.cc.cc". */
  attribute: string;
  /** null for the one that nixpkgs' `lib.getLib` takes. */
  output: string | null;
}

export interface Evaluated {
  output: string;
  storePath: string;
  derivation: string;
}

/** In the order of the request; null for what this nixpkgs lacks or refuses (insecure, unfree, broken). */
export async function evaluate(
  nixpkgs: Nixpkgs,
  system: string,
  asked: readonly Asked[],
  run: NixRun,
): Promise<(Evaluated | null)[]> {
  const [tool, ...words] = evaluateCommand(nixpkgs, system, functionFor(asked));
  const printed = JSON.parse(await capture(tool, words, run)) as (
    | [string, string, string]
    | null
  )[];
  return printed.map((each) => {
    if (each === null) return null;
    const [output, storePath, derivation] = each;
    return { output, storePath, derivation };
  });
}

/** `lib.getLib` is nixpkgs' own; its behaviour is repeated here for package sets that have no `lib`. */
function functionFor(asked: readonly Asked[]): string {
  const list = asked.map(({ attribute, output }) => {
    const names = attribute.split(".").map(quoted).join(" ");
    return `(look [ ${names} ] ${output === null ? "null" : quoted(output)})`;
  });
  return `packages:
let
  at = builtins.foldl' (set: name: if builtins.isAttrs set && set ? \${name} then set.\${name} else null) packages;
  look = names: wanted:
    let
      package = at names;
      output = if wanted != null then package.\${wanted} else package.lib or package.out or package;
      facts = map builtins.unsafeDiscardStringContext [ (output.outputName or "out") output.outPath output.drvPath ];
      tried = builtins.tryEval (if builtins.isAttrs package && (wanted == null || package ? \${wanted}) then builtins.deepSeq facts facts else null);
    in if tried.success then tried.value else null;
# Where there is no nixpkgs, that is the failure, and none of an attribute.
in builtins.seq packages [ ${list.join(" ")} ]`;
}

function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("${", "\\${");
}
