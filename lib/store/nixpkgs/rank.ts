// Which nixpkgs packages have a library, the best first, each with its reasons: first what this package's table and
// nix-index's database say together; then the table's packages with another version of the library.
import type { Facts } from "../../addon/facts.js";
import { comesWithDriver } from "../../file/driver_name.js";
import { hasNixSystem, nixSystem } from "../../file/nix_system.js";
import { compareVersions, versionsNeededOf } from "../../file/versions.js";
import { isNamesake, parseName } from "../rank.js";
import type { Locate, Located, LocatedPackage } from "./nix_index.js";
import { asPackage, builtFor, type NixpkgsPackage, nixIndex } from "./packages.js";
import { type DefiningRelease, releaseDefining } from "./symbol_versions.js";
import { rowOf, rowsFrom, type TableRow } from "./table.js";

/** What is known about the program that needs the library. */
export type Needing = Pick<Facts, "machine" | "class" | "byteOrder"> &
  Partial<Pick<Facts, "interpreter" | "needed" | "versionsNeeded">>;

/** The packages that have a library, the best first. */
export async function packagesFor(
  soname: string,
  locate: Locate,
  needing?: Needing,
): Promise<NixpkgsPackage[]> {
  if (needing !== undefined && !hasNixSystem(needing)) return [];
  if (!/^[\w+.][\w+.-]*$/.test(soname) || comesWithDriver(soname)) return [];
  const row = rowOf(soname);
  const known = row === null ? [] : [asPackage(row, soname)];
  const exact = known.filter((each) => each.soname === soname);
  const located = await locate(soname);
  const found = located === null ? [] : rankLocated(soname, located, row, needing);
  // What nixpkgs has removed comes after what it has, but can still be in an older database.
  const present = exact.filter(({ until }) => until === null);
  const isAmong = (those: readonly NixpkgsPackage[], { attribute }: NixpkgsPackage) =>
    those.some((each) => isCalled(each, attribute));
  // The database is from one day; if it has the table's attribute, that confirms it.
  const others = found.filter((each) => !isAmong(present, each));
  const gone = exact.filter((each) => each.until !== null && !isAmong(others, each));
  for (const each of present)
    if (found.length > others.length)
      each.reasons.push(`${nixIndex} of ${located?.date} has it there`);
  const otherVersion =
    row === null || gone.length > 0
      ? otherVersions(soname, row)
      : known.filter((each) => each.soname !== soname);
  return [...present, ...others, ...gone, ...otherVersion].map((each) =>
    builtFor(needing ?? {}, each),
  );
}

function isCalled(
  { attribute, formerly }: Pick<TableRow, "attribute" | "formerly">,
  name: string,
): boolean {
  return attribute === name || formerly === name;
}

interface Scored {
  found: LocatedPackage;
  score: number;
  reasons: string[];
}

function rankLocated(
  soname: string,
  { packages, date }: Located,
  row: TableRow | null,
  needing: Needing | undefined,
): NixpkgsPackage[] {
  const { needed = [], versionsNeeded = [] } = needing ?? {};
  const system = needing && nixSystem(needing);
  const releases = versionsNeededOf({ versionsNeeded }, soname).flatMap(
    (version) => releaseDefining(version) ?? [],
  );
  const beside = new Set(
    needed.filter((each) => each !== soname).flatMap((each) => rowOf(each)?.attribute ?? []),
  );
  const best = new Map<string, Scored>();
  for (const found of packages) {
    if (found.system !== null && system !== undefined && found.system !== system) continue;
    const scored = score(soname, found, row, { beside, releases });
    const present = best.get(found.attribute);
    if (present === undefined || present.score < scored.score) best.set(found.attribute, scored);
  }
  return [...best.values()]
    .sort((one, two) => two.score - one.score || compareAttributes(one.found, two.found))
    .map(({ found: { attribute, output }, reasons }) => ({
      ...{ attribute, formerly: null, output, until: null, refusal: null, soname },
      ...{ source: nixIndex, date, reasons },
    }));
}

/** Packages made from other packages, or for a single purpose. */
const unlikely: readonly [pattern: RegExp, what: string, points?: number][] = [
  [/^pkgs\w+\./, "is of another package set", -60],
  [/(Full|[-_]full)$/, "is a variant with everything"],
  [/toolchain|-sdk\b|Sdk/, "is a toolchain"],
  [/-bin$|-binary$|appimage/, "brings built programs along"],
  [/wrapper|wrapped|-env$|-fhs/i, "wraps another package"],
  [
    /^(steam|chrom|firefox|electron|discord|vscode|jetbrains|android|matlab|wine|cuda)/i,
    "brings its own copy",
  ],
];

function score(
  soname: string,
  found: LocatedPackage,
  row: TableRow | null,
  { beside, releases }: { beside: ReadonlySet<string>; releases: readonly DefiningRelease[] },
): Scored {
  const { attribute, name, isOwn } = found;
  const reasons = [`has ${soname} in its lib`];
  let points = 0;
  const add = (more: number, reason: string) => {
    points += more;
    reasons.push(reason);
  };
  if (!isOwn) add(-40, "it is only known through what refers to it");
  const depth = attribute.split(".").length - 1;
  points -= 6 * depth;
  if (depth === 0) reasons.push("it is at the top of nixpkgs");
  for (const [pattern, what, worse = -30] of unlikely)
    if (pattern.test(attribute)) add(worse, what);
  if (row !== null && isCalled(row, attribute)) add(30, "the table of fixelf says so, too");
  if (beside.has(attribute)) add(20, "the program needs another library of it");
  const { packageName, version } = parseName(name);
  for (const { project, release } of releases)
    if (packageName === project && compareVersions(version, release) < 0)
      add(-50, `it is older than ${project} ${release}, which defines what is needed`);
  if (isNamesake(packageName, soname) || isNamesake(attribute, soname))
    add(15, "it is called like the library");
  return { found, score: points, reasons };
}

function compareAttributes(
  { attribute: one }: LocatedPackage,
  { attribute: two }: LocatedPackage,
): number {
  return one.length - two.length || two.localeCompare(one, "en", { numeric: true });
}

/** Its replacement, or the same library with another number at the end, the newest first. */
function otherVersions(soname: string, removed: TableRow | null): NixpkgsPackage[] {
  const replacement = removed?.replacement ? rowOf(removed.replacement) : null;
  if (replacement !== null) return [asPackage(replacement, soname)];
  const stem = /^([\w+.-]+?\.so)(\.[\w+.-]+)?$/.exec(soname)?.[1];
  if (stem === undefined) return [];
  return rowsFrom(stem)
    .filter((row) => row.soname === stem || row.soname.startsWith(`${stem}.`))
    .filter((row) => row.soname !== removed?.soname)
    .sort((one, two) => two.soname.localeCompare(one.soname, "en", { numeric: true }))
    .map((row) => asPackage(row, soname));
}
