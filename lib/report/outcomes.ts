// What was done, or would be done, with many files: what they have in common is said once. Refusals come last, where
// they are seen.
import { groupedBy } from "../base/grouped.js";
import type { Edit, FilePlan, Outcome } from "../fix/outcome.js";
import { filesInBrief, type NamedFile } from "./files.js";
import { type Colors, inLines, joined, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

/** How many things of one kind are shown; the rest are counted. */
const mostShown = 6;

/** What a plan and an outcome have to say about a file. */
interface Told extends NamedFile {
  state: string;
  isGood: boolean;
  edits: readonly Edit[];
  /** Sentences for the reader to act on. */
  problems: readonly string[];
  /** Why it is left unchanged. */
  reason: string | null;
}

export function plansInBrief(files: readonly FilePlan[], colors: Colors): Shown {
  return brief(
    files.map(({ path, kind, edits, reasons, refusal }) => {
      const state =
        refusal !== null
          ? refusal.failed
            ? "failed"
            : "would refuse"
          : edits.length > 0
            ? "would fix"
            : "unchanged";
      return {
        ...{ path, kind, edits, state, isGood: refusal === null },
        problems: refusal === null ? [] : [refusal.message],
        reason: reasons[0] ?? null,
      };
    }),
    colors,
  );
}

export function outcomesInBrief(outcomes: readonly Outcome[], colors: Colors): Shown {
  return brief(
    outcomes.map(({ path, kind, outcome, verified, edits, reasons, remaining, error }) => {
      const isWritten = outcome === "fixed";
      const said = isWritten ? "written, but will not start" : "will not start";
      return {
        ...{ path, kind, edits },
        state: isWritten && !verified ? "fixed, not verified" : outcome,
        isGood: (isWritten || outcome === "unchanged") && remaining.length === 0,
        problems: [
          ...(error === null ? [] : [error.message]),
          ...remaining.map((why) => `${said}: ${why}`),
          // The last reason explains why it could not be checked.
          ...(isWritten && !verified && remaining.length === 0 ? reasons.slice(-1) : []),
        ],
        reason: reasons[0] ?? null,
      };
    }),
    colors,
  );
}

function brief(files: readonly Told[], colors: Colors): Shown {
  const groups = groupedBy(files, ({ state, isGood }) => `${isGood} ${state}`);
  groups.sort(([one], [other]) => Number(other?.isGood) - Number(one?.isGood));
  const states = groupedBy(files, ({ state }) => state);
  return inLines([
    ...groups.map((group) => groupText(group, colors)),
    joined(
      states.map((group) => `${group.length} ${group[0]?.state}`),
      ", ",
    ),
  ]);
}

function groupText(files: readonly Told[], colors: Colors): Shown {
  const { state, isGood } = files[0] as Told;
  const lines = [
    line`${(isGood ? colors.green : colors.red)(state)}  ${colors.bold(filesInBrief(files))}${state === "fixed" ? "  verified" : ""}`,
    ...problemLines(files),
    ...editLines(files),
  ];
  if (isGood && lines.length === 1) lines.push(...reasonLines(files, colors));
  return inLines(lines);
}

function problemLines(files: readonly Told[]): Shown[] {
  const told = files.flatMap(({ path, problems }) =>
    problems.map((problem) => ({ path, problem })),
  );
  const lines = groupedBy(told, ({ problem }) => problem)
    .sort((one, other) => other.length - one.length)
    .map((group) => {
      const { path, problem } = group[0] as (typeof told)[number];
      const where = group.length === 1 ? path : plural(group.length, "file");
      return line`  ${problem}${files.length === 1 ? "" : ` (${where})`}`;
    });
  return shortened(lines);
}

/** What changes, and in how many files: each directory in a search path separately. */
function editLines(files: readonly Told[]): Shown[] {
  const edits = files.flatMap(({ edits }) => edits);
  const changes = edits.filter(({ what }) => what === "interpreter" || what === "shebang");
  const lines = groupedBy(changes, ({ what, from, to }) => JSON.stringify([what, from, to])).map(
    (group) => {
      const { what, from, to } = group[0] as Edit;
      return line`  ${what}  ${from ?? "(none)"} → ${to} (${plural(group.length, "file")})`;
    },
  );
  const paths = edits.filter(({ what }) => what === "runpath" || what === "rpath");
  const added = paths.flatMap(({ what, from, to }) =>
    to
      .split(":")
      .filter((entry) => entry !== "" && !from?.split(":").includes(entry))
      .map((entry) => `${what}  + ${entry}`),
  );
  const counted = groupedBy(added, (entry) => entry).sort(
    (one, other) => other.length - one.length,
  );
  lines.push(
    ...counted.map((group) => line`  ${group[0] ?? ""} (${plural(group.length, "file")})`),
  );
  return shortened(lines);
}

function reasonLines(files: readonly Told[], colors: Colors): Shown[] {
  const reasons = groupedBy(
    files.filter(({ reason }) => reason !== null),
    ({ reason }) => reason as string,
  );
  return shortened(
    reasons.map(
      (group) =>
        line`  ${colors.dim(`${group[0]?.reason ?? ""} (${plural(group.length, "file")})`)}`,
    ),
  );
}

function shortened(lines: readonly Shown[]): Shown[] {
  if (lines.length <= mostShown) return [...lines];
  return [...lines.slice(0, mostShown), line`  and ${lines.length - mostShown} more (--verbose)`];
}
