// share/nixpkgs-sonames.tsv: which nixpkgs attribute has a library. Its header explains the columns. It is read when a
// library is first looked up, and searched as text: a lookup needs only a few of its rows.
import { join } from "node:path";
import { packageDirectory } from "../../addon/package_directory.js";
import { readFileSync } from "../../base/disk.js";

export interface TableRow {
  soname: string;
  attribute: string;
  /** The attribute before it was renamed. */
  formerly: string | null;
  /** null if nixpkgs' `lib.getLib` finds the output. */
  output: string | null;
  /** The soname that the attribute has now. */
  now: string | null;
  /** The last release of NixOS that has it. */
  until: string | null;
  /** The soname of what replaced it. */
  replacement: string | null;
  /** Why nixpkgs builds it only with permission. */
  refusal: "insecure" | "unfree" | null;
  /** Where this is known from. */
  source: string;
}

interface Table {
  text: string;
  date: string;
  /** By the key used in rows. */
  sources: ReadonlyMap<string, string>;
}

let read: Table | undefined;

/** The table's date, as YYYY-MM-DD. */
export function tableDate(): string {
  return table().date;
}

/** The row of a soname. */
export function rowOf(soname: string): TableRow | null {
  return rowsFrom(`${soname}\t`).find((row) => row.soname === soname) ?? null;
}

/** All rows whose soname begins with the given text. */
export function rowsFrom(beginning: string): TableRow[] {
  const { text } = table();
  const rows: TableRow[] = [];
  let at = text.indexOf(`\n${beginning}`) + 1;
  // Rows with the same beginning are adjacent.
  while (at > 0 && at < text.length && text.startsWith(beginning, at)) {
    const end = text.indexOf("\n", at);
    rows.push(parse(text.slice(at, end)));
    at = end + 1;
  }
  return rows;
}

/** All rows of an attribute, under its present name or the former one. */
export function rowsOfAttribute(attribute: string): TableRow[] {
  return rowsFrom("").filter((row) => row.attribute === attribute || row.formerly === attribute);
}

function table(): Table {
  read ??= load();
  return read;
}

function load(): Table {
  const text = readFileSync(join(packageDirectory, "share/nixpkgs-sonames.tsv"), "utf8");
  const head = text.slice(0, text.search(/^[^#]/m));
  const sources = [...head.matchAll(/^# source (\S+)\s+(.+)$/gm)].map(
    ([, key = "", place = ""]) => [key, place] as const,
  );
  const date = /^# date (\S+)$/m.exec(head)?.[1] ?? "";
  return { text: text.slice(head.length - 1), date, sources: new Map(sources) };
}

const refusals = ["insecure", "unfree"] as const;

function parse(line: string): TableRow {
  const [soname = "", attribute = "", ...others] = line.split("\t");
  const [formerly, output, note, source] = others.map((value) => (value === "-" ? null : value));
  const notes = (note ?? "").split(",");
  const noted = (key: string) => notes.find((each) => each.startsWith(key))?.slice(key.length);
  return {
    soname,
    attribute,
    formerly: formerly ?? null,
    output: output ?? null,
    now: noted("now:") ?? null,
    until: noted("until:") ?? null,
    replacement: noted("by:") ?? null,
    refusal: refusals.find((each) => notes.includes(each)) ?? null,
    source: table().sources.get(source ?? "") ?? "",
  };
}
