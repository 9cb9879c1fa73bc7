// search-path-misspelled: entries in DT_RUNPATH or DT_RPATH that lead elsewhere than was meant. Loaders know $ORIGIN,
// $LIB and $PLATFORM (glibc elf/dl-load.c, is_dst; musl ldso/dynlink.c, fixup_rpath: only $ORIGIN) and the colon, and
// take everything else literally.
import { dirname, join } from "node:path";
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { nearest } from "../base/nearest.js";
import { shellWord } from "../base/shell.js";
import { withoutOrigin } from "../file/search_path.js";
import type { Problem } from "./problem.js";

export interface Misspelling {
  entry: string;
  /** A sentence without the entry. */
  why: string;
  /** What was meant, colon-separated and possibly empty; null if that cannot be told. */
  meant: string | null;
}

/** What a shell or make leaves of $ORIGIN, what people write in its place, and macOS's equivalents. */
const originLike = [
  /^\$\$?[{(]?origin[})]?(?=\/|$)/i,
  /^%ORIGIN%(?=\/|$)/,
  /^@?O?RIGIN(?=\/|$)/,
  /^@(?:loader_path|executable_path|rpath)(?=\/|$)/,
];

/** What is wrong with one entry, by the first rule that applies; null if nothing is. */
export function misspellingOf(entry: string): Misspelling | null {
  const found = (why: string, meant: string | null): Misspelling => ({ entry, why, meant });
  if (entry === "") return found("an empty entry is the directory that one is in just then", "");
  if (entry !== entry.trim()) return found("blanks count as part of the name", entry.trim());
  if (/[;,]|\s(?=[/$])/.test(entry) && /[/$]/.test(entry)) {
    const parts = entry.split(/[;,]\s*|\s+(?=[/$])/).filter((part) => part !== "");
    const isList = parts.length > 1 && parts.every((part) => /^[/$.]/.test(part));
    if (isList) return found("entries are separated by colons alone", parts.join(":"));
  }
  const unquoted = entry.replace(/^['"\\]+|['"]+$/g, "");
  if (unquoted !== entry)
    return found("quotes and backslashes count as part of the name", unquoted);
  const origin = originLike.map((form) => form.exec(entry)?.[0]).find((form) => form !== undefined);
  if (origin !== undefined && origin !== "$ORIGIN" && origin !== "$" + "{ORIGIN}") {
    const meant = `$ORIGIN${entry.slice(origin.length)}`;
    return found(`loaders know $ORIGIN, and not ${origin}`, meant);
  }
  const unknown = /\$\{?(?!\{?(?:ORIGIN|LIB|PLATFORM)\b)[A-Za-z_]\w*\}?/.exec(entry)?.[0];
  if (unknown !== undefined) {
    const name = unknown.replace(/[${}]/g, "");
    // $ORGIN, but not the longer word $ORIGINAL.
    const isOrigin = name.length < "ORIGIN".length + 2 && nearest(name, ["ORIGIN"]) !== null;
    const meant = isOrigin ? entry.replace(unknown, () => "$ORIGIN") : null;
    return found(`loaders know $ORIGIN, $LIB and $PLATFORM, and not ${unknown}`, meant);
  }
  if (entry.startsWith("~")) return found("only a shell knows what ~ means", null);
  if (!entry.startsWith("/") && !entry.startsWith("$"))
    return found(
      "it is looked for from the directory that one is in just then",
      `$ORIGIN/${entry}`,
    );
  return null;
}

/** The misspellings in a file, in the list that its loader reads. */
function misspellings({ runpath, rpath }: Facts): Misspelling[] {
  const list = runpath ?? rpath ?? "";
  if (list === "") return [];
  return list.split(":").flatMap((entry) => misspellingOf(entry) ?? []);
}

/** The command that writes what was meant. */
function correction(shown: string, { runpath, rpath }: Facts): string {
  const list = (runpath ?? rpath ?? "")
    .split(":")
    .map((entry) => misspellingOf(entry)?.meant ?? entry)
    .filter((entry) => entry !== "")
    .join(":");
  const force = runpath === null ? "--force-rpath " : "";
  return `fixelf patchelf ${force}--set-rpath ${shellWord(list)} ${shellWord(shown)}`;
}

/** The location of a library that a misspelling hides, with the command that helps; null if no misspelling does. */
export function hiddenBy(
  soname: string,
  { path, shown, facts }: { path: string; shown: string; facts: Facts },
  files: NativeFiles,
): { evidence: string; remedy: string } | null {
  for (const { entry, why, meant } of misspellings(facts)) {
    for (const directory of (meant ?? "").split(":")) {
      if (directory === "") continue;
      const file = join(withoutOrigin(directory, path), soname);
      if (files.look(file).state !== "elf") continue;
      const evidence = `${file} is there, and ${tagOf(facts)} says ${JSON.stringify(entry)} for its directory: ${why}`;
      return { evidence, remedy: correction(shown, facts) };
    }
  }
  return null;
}

export function searchPathProblems(shown: string, facts: Facts): Problem[] {
  const found = misspellings(facts);
  const [first] = found;
  if (first === undefined) return [];
  const isKnown = found.every(({ meant }) => meant !== null);
  const tag = tagOf(facts);
  const directory = shellWord(dirname(shown));
  return [
    {
      code: "search-path-misspelled",
      severity: "warning",
      message: `${tag} says ${JSON.stringify(first.entry)}: ${first.why}`,
      evidence: found.map(({ entry, why }) => `${tag} has ${JSON.stringify(entry)}: ${why}`),
      remedy: isKnown
        ? correction(shown, facts)
        : `Write the directory itself, or one from $ORIGIN (${directory}): fixelf patchelf --set-rpath '$ORIGIN/…' ${shellWord(shown)}`,
      need: null,
    },
  ];
}

function tagOf({ runpath }: Facts): string {
  return runpath === null ? "its RPATH" : "its RUNPATH";
}
