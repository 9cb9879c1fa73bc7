// What is wrong with many files, by cause: each cause and remedy once, however many files it affects. Findings are
// grouped by their codes, causes and remedies, not by their messages.
import { groupedBy } from "../base/grouped.js";
import type { Diagnosis, Finding } from "../doctor/finding.js";
import { isError } from "../judge/problem.js";
import { filesInBrief, type NamedFile } from "./files.js";
import { type Colors, inLines, joined, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

/** How many lines of one kind are shown; the rest are counted. */
const mostShown = 6;
/** Names per line. */
const mostNames = 12;

/** Findings with the same code and cause that the same remedy fixes. */
interface Cause {
  code: string;
  /** null if only the files themselves are at fault. */
  name: string | null;
  /** The nixpkgs package that has it, if only a package does. */
  package: string | null;
  severity: Finding["severity"];
  files: Map<string, NamedFile>;
  /** Each message, with a file that it is about. */
  messages: Map<string, string>;
  remedies: Set<string>;
}

/** A finding, or a verdict without one. */
type Told = Pick<Finding, "severity" | "cause" | "message" | "get"> & {
  code: string;
  remedy: string | null;
};

export function causesText(diagnoses: readonly Diagnosis[], colors: Colors): Shown {
  const causes = causesOf(diagnoses);
  return inLines(
    blocksOf(causes)
      .sort(worstFirst)
      .map((block) => blockText(block, colors)),
  );
}

/** How many files are in each state, in one line. */
export function totalsText(diagnoses: readonly Diagnosis[]): Shown {
  const broken = diagnoses.filter(
    ({ verdict, findings }) => isBad(verdict) || findings.some(isError),
  );
  const warned = diagnoses.filter(
    (diagnosis) => !broken.includes(diagnosis) && diagnosis.findings.length > 0,
  );
  const good = diagnoses.length - broken.length - warned.length;
  const parts = [
    plural(broken.length, "file with errors", "files with errors"),
    ...(warned.length > 0 ? [`${warned.length} with warnings only`] : []),
    `${good} without findings`,
  ];
  return joined(parts, ", ");
}

function isBad(verdict: Diagnosis["verdict"]): boolean {
  return verdict === "broken" || verdict === "unreadable" || verdict === "not-elf";
}

function causesOf(diagnoses: readonly Diagnosis[]): Cause[] {
  const causes = new Map<string, Cause>();
  const add = (
    { path, kind }: NamedFile,
    { severity, code, cause, message, remedy, get }: Told,
  ) => {
    const key = JSON.stringify([severity, code, cause]);
    let known = causes.get(key);
    if (known === undefined) {
      known = {
        ...{ code, name: cause, package: get?.package ?? null, severity },
        ...{ files: new Map(), messages: new Map(), remedies: new Set() },
      };
      causes.set(key, known);
    }
    known.files.set(path, { path, kind });
    if (!known.messages.has(message)) known.messages.set(message, path);
    if (remedy !== null) known.remedies.add(get?.command ?? remedy);
  };
  for (const diagnosis of diagnoses) {
    const { verdict, summary, findings } = diagnosis;
    for (const finding of findings) add(diagnosis, finding);
    if (findings.length === 0 && isBad(verdict)) {
      const said = { code: verdict, cause: null, message: summary, remedy: null };
      add(diagnosis, { severity: "error", ...said });
    }
  }
  return [...causes.values()];
}

/** Causes that are shown together, under the files affected by any of them. */
interface Block {
  severity: Finding["severity"];
  causes: Cause[];
  files: NamedFile[];
}

/** Causes with the same remedy form one block; failing that, those with the same code. */
function blocksOf(causes: readonly Cause[]): Block[] {
  const byRemedy = groupedBy(causes, (cause) =>
    cause.remedies.size === 1 ? `${cause.severity} ${[...cause.remedies][0]}` : cause,
  );
  const several = byRemedy.filter((group) => group.length > 1);
  const single = byRemedy.filter((group) => group.length === 1).flat();
  const byCode = groupedBy(single, ({ severity, code }) => `${severity} ${code}`);
  return [...several, ...byCode].map((group) => ({
    severity: (group[0] as Cause).severity,
    causes: group.sort(
      (one, other) =>
        Number(hasProgram(other)) - Number(hasProgram(one)) || other.files.size - one.files.size,
    ),
    files: [...new Map(group.flatMap(({ files }) => [...files])).values()],
  }));
}

function hasProgram({ files }: Cause): boolean {
  return [...files.values()].some(({ kind }) => kind === "program");
}

function worstFirst(one: Block, other: Block): number {
  if (one.severity !== other.severity) return one.severity === "error" ? -1 : 1;
  return other.files.length - one.files.length;
}

function blockText({ severity, causes, files }: Block, colors: Colors): Shown {
  const color = severity === "error" ? colors.red : colors.yellow;
  const remedies = [...new Set(causes.flatMap((cause) => [...cause.remedies]))];
  return inLines([
    line`${color(severity)}  ${colors.bold(filesInBrief(files))}`,
    ...[...new Set(causes.map(({ code }) => code))].flatMap((code) =>
      codeLines(causes.filter((cause) => cause.code === code)).map(
        (said) => line`  ${color(code)}  ${said}`,
      ),
    ),
    ...shortened(remedies, (remedy) => line`  ${colors.green("→")} ${remedy}`),
  ]);
}

/** What to say about the causes with one code. */
function codeLines(causes: readonly Cause[]): Shown[] {
  const messages = new Map(causes.flatMap((cause) => [...cause.messages]));
  if (messages.size === 1) return [...messages.keys()].map((message) => line`${message}`);
  const named = causes
    .filter(({ name }) => name !== null)
    .sort((one, other) => other.files.size - one.files.size);
  const names = named.map(
    ({ name, files, package: from }) =>
      `${name} (${from === null ? "" : `${from}, `}${files.size})`,
  );
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  const unnamed = causes.filter(({ name }) => name === null);
  return [
    ...(names.length > 0 ? [line`${joined(names.slice(0, mostNames), ", ")}${more}`] : []),
    ...shortened(
      unnamed.flatMap((cause) => [...cause.messages]),
      ([message, path]) => line`${message.startsWith(path) ? message : `${path}: ${message}`}`,
    ),
  ];
}

function shortened<T>(items: readonly T[], textOf: (item: T) => Shown): Shown[] {
  const shown = items.slice(0, mostShown).map(textOf);
  if (items.length > mostShown)
    shown.push(line`  and ${items.length - mostShown} more (--verbose)`);
  return shown;
}
