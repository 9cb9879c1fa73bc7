// auto-patchelf's output, in the words of nixpkgs' own: people and scripts that know those words read build logs.
import type { Request } from "../drop_in/auto_patchelf/arguments.js";
import type {
  AutoPatchelfFile,
  AutoPatchelfOutcome,
} from "../drop_in/auto_patchelf/auto_patchelf.js";
import type { Machine } from "../file/machine.js";
import {
  adviceFor,
  isPresent,
  type NixpkgsPackage,
  nixIndex,
  refusalAdvice,
} from "../store/nixpkgs/packages.js";
import { nixPackage } from "./environment/nix.js";
import { inLines, joined, line, type Shown } from "./shown.js";

/** The original's last words, and the packages known to have what is missing, by its name. */
export function missingText(
  packages: ReadonlyMap<string, readonly NixpkgsPackage[]>,
  machine: Machine,
): Shown {
  const known = [...packages].flatMap(([name, all]) => {
    const best = all.find((each) => isPresent(each, name));
    if (best !== undefined) return [line`For ${name}, ${inputText(best)}.`];
    const advice = adviceFor(name, all, machine);
    return advice === null ? [] : [line`${advice}.`];
  });
  return inLines([
    line`auto-patchelf failed to find all the required dependencies.`,
    line`${'Add the missing dependencies to --libs or use `--ignore-missing="foo.so.1 bar.so etc.so"`.'}`,
    ...known,
  ]);
}

function inputText({ attribute, formerly, output, refusal, source, date }: NixpkgsPackage): string {
  const of = (path: string) => (output === null ? path : `${path}.${output}`);
  const input = nixPackage("pkgs", {
    attribute: of(attribute),
    ...(formerly !== null && { formerly: of(formerly) }),
  });
  const who = source === nixIndex ? ` (${nixIndex} of ${date})` : "";
  const permitted = refusal === null ? "" : ` (${refusalAdvice(refusal)})`;
  return `add ${input} to buildInputs${who}${permitted}`;
}

export const beginningText = line`automatically fixing dependencies for ELF files`;

/** What was requested, under the names that the original prints. */
export function requestText(request: Request): Shown {
  const asked = Object.entries(request).map(([key, value]) => [
    key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return line`${JSON.stringify(Object.fromEntries(asked))}`;
}

/**
 * One thing to report: in words, and as the original's --structured-logs reports it, by event name and fields. Anything
 * without an event is reported in words only; in a log of events, `talk` is left out and `trouble` goes to stderr.
 */
interface Said {
  text: string;
  as: Record<string, Record<string, string | boolean | null>> | "talk" | "trouble";
}

/** The log as text, for stdout. */
export function outcomeText(outcome: AutoPatchelfOutcome): Shown {
  return inLines(said(outcome).map(({ text }) => line`${text}`));
}

/** The log as JSON lines for stdout, and what they have no event for, for stderr. */
export function outcomeEvents(outcome: AutoPatchelfOutcome): {
  events: string;
  troubles: Shown;
} {
  const all = said(outcome);
  const events = all.flatMap(({ as }) =>
    typeof as === "object" ? [`${JSON.stringify(as)}\n`] : [],
  );
  const troubles = all.flatMap(({ text, as }) => (as === "trouble" ? [line`${text}\n`] : []));
  return { events: events.join(""), troubles: joined(troubles, "") };
}

function said({ files, debugObjects, unread, failed, missing }: AutoPatchelfOutcome): Said[] {
  return [
    ...debugObjects.map((path) => skipping(path, "it looks like a separate debug object")),
    ...unread.map(({ path, error }) => skipping(path, error.message)),
    ...files.flatMap(saidOfFile),
    ...files.flatMap(({ path, warnings }) =>
      warnings.map((warning) => trouble(`warn: auto-patchelf ${path}: ${warning}`)),
    ),
    talk(`auto-patchelf: ${missing.length} dependencies could not be satisfied`),
    ...missing.map(({ name, wantedBy, pattern }): Said => {
      if (pattern === null)
        return talk(
          `error: auto-patchelf could not satisfy dependency ${name} wanted by ${wantedBy}`,
        );
      return {
        text: `warn: auto-patchelf ignoring missing ${name} wanted by ${wantedBy}`,
        as: { IgnoredDependency: { file: wantedBy, name, pattern } },
      };
    }),
    ...failed.map(({ path, error }) =>
      trouble(`error: auto-patchelf could not patch ${path}: ${error.message}`),
    ),
  ];
}

function saidOfFile(of: AutoPatchelfFile): Said[] {
  const { path: file, skipped, interpreter, dependencies, searchPath } = of;
  if (skipped !== null) return [skipping(file, skipped)];
  const lines: Said[] = [];
  if (interpreter !== null)
    lines.push({
      text: `setting interpreter of ${file}`,
      as: { SetInterpreter: { file, interpreter_path: interpreter } },
    });
  lines.push(talk(`searching for dependencies of ${file}`));
  for (const { alternatives, found } of dependencies) {
    if (found === null) {
      const [only = ""] = alternatives;
      const name = alternatives.length === 1 ? only : `any(${alternatives.join(", ")})`;
      lines.push({
        text: `    ${name} -> not found!`,
        as: { Dependency: { file, name, found: false, location: null } },
      });
      continue;
    }
    const { name, location, rename } = found;
    if (location !== null)
      lines.push({
        text: `    ${name} -> found: ${location}`,
        as: { Dependency: { file, name, found: true, location } },
      });
    if (rename !== null)
      lines.push(talk(`    ${name} -> needed as ${rename}, the name of its file`));
  }
  if (searchPath !== null) {
    const rpath = searchPath.join(":");
    lines.push({ text: `setting RPATH to: ${rpath}`, as: { SetRpath: { file, rpath } } });
  }
  return lines;
}

function skipping(file: string, reason: string): Said {
  return { text: `skipping ${file} because ${reason}`, as: { SkipFile: { file, reason } } };
}

function talk(text: string): Said {
  return { text, as: "talk" };
}

function trouble(text: string): Said {
  return { text, as: "trouble" };
}
