// A Home Manager module: the Nix-built program, linked in place of the foreign one, if the store has one of the same
// name and version; for the others, nix-ld's variables.
import type { PackagedEnvironment } from "../../environment/packages.js";
import type { Twin } from "../../environment/twin.js";
import { nixAttribute, nixComment, nixString, unknownLines, variableLines } from "./nix.js";

/** `twins` maps a program's file to what could replace it. */
export function homeManagerText(
  environment: PackagedEnvironment,
  twins: ReadonlyMap<string, Twin>,
  home: string,
): string {
  const lines: string[] = [];
  let others = 0;
  for (const { file, path } of environment.programs) {
    const twin = twins.get(file);
    if (twin === undefined || !file.startsWith(`${home}/`)) {
      others++;
      const why =
        twin === undefined
          ? "the store has none of the same name and version"
          : "it is not below the home directory, so Home Manager can't replace it";
      lines.push(`  ${nixComment(`${path}: ${why}`)}`);
      continue;
    }
    const attribute = nixAttribute("pkgs", twin.package.attribute);
    const guessed = twin.package.known === "guessed" ? ", guessed from the store path's name" : "";
    const target = `"\${${attribute}}${nixString(twin.below).slice(1, -1)}"`;
    lines.push(
      `  ${nixComment(`${twin.storePath} has the same name and version${guessed}`)}`,
      `  home.file.${nixString(file.slice(home.length + 1))} = {`,
      `    source = ${target};`,
      "    force = true;",
      "  };",
    );
  }
  if (others > 0 && environment.systems.length > 0) {
    lines.push(...unknownLines(environment).map((line) => `  ${line}`));
    const variables = variableLines(environment, "    ", inDoubleQuotes);
    lines.push("  home.sessionVariables = {", ...variables, "  };");
  }
  return `{ pkgs, ... }:

{
${lines.join("\n")}
}`;
}

/** Escaped for double quotes: Home Manager writes a shell script from the values (modules/lib/shell.nix). */
function inDoubleQuotes(text: string): string {
  return text.replace(/[\\"$`]/g, "\\$&");
}
