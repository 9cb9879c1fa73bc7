// What auto-patchelf says, in the words of nixpkgs' own: build logs are read by people and scripts
// that know them.
import type { Request } from "../drop_in/auto_patchelf/arguments.js";
import type { Outcome } from "../drop_in/auto_patchelf/auto_patchelf.js";
import type { FilePlan } from "../drop_in/auto_patchelf/plan.js";
import { printable } from "./text.js";

export const missingText = `auto-patchelf failed to find all the required dependencies.
Add the missing dependencies to --libs or use \`--ignore-missing="foo.so.1 bar.so etc.so"\`.`;

/** What was asked, by the names that the original prints. */
export function requestText(request: Request): string {
  const asked = Object.entries(request).map(([key, value]) => [
    key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return printable(JSON.stringify(Object.fromEntries(asked)));
}

export function outcomeText({ files, debugObjects, unread, failed, missing }: Outcome): string {
  const lines = [
    ...debugObjects.map((path) => `skipping ${path} because it looks like a separate debug object`),
    ...unread.map(({ path, error }) => `skipping ${path} because ${error.message}`),
    ...files.flatMap(fileLines),
    ...files.flatMap(({ facts, warnings }) =>
      warnings.map((warning) => `warn: auto-patchelf ${facts.path}: ${warning}`),
    ),
    `auto-patchelf: ${missing.length} dependencies could not be satisfied`,
    ...missing.map(({ name, wantedBy, ignored }) =>
      ignored
        ? `warn: auto-patchelf ignoring missing ${name} wanted by ${wantedBy}`
        : `error: auto-patchelf could not satisfy dependency ${name} wanted by ${wantedBy}`,
    ),
    ...failed.map(
      ({ path, error }) => `error: auto-patchelf could not patch ${path}: ${error.message}`,
    ),
  ];
  return lines.map(printable).join("\n");
}

function fileLines({ facts, skipped, interpreter, wants, searchPath }: FilePlan): string[] {
  const { path } = facts;
  if (skipped !== null) return [`skipping ${path} because ${skipped}`];
  const lines = interpreter === null ? [] : [`setting interpreter of ${path}`];
  lines.push(`searching for dependencies of ${path}`);
  for (const { alternatives, provision } of wants) {
    const [only = ""] = alternatives;
    const shown = alternatives.length === 1 ? only : `any(${alternatives.join(", ")})`;
    if (provision === null) lines.push(`    ${shown} -> not found!`);
    else if (provision.entry !== null)
      lines.push(`    ${provision.name} -> found: ${provision.entry.text}`);
    if (provision?.rename)
      lines.push(`    ${provision.name} -> needed as ${provision.rename}, the name of its file`);
  }
  if (searchPath !== null) lines.push(`setting RPATH to: ${searchPath}`);
  return lines;
}
