// The parts that all Nix texts are made of.

import type { Package } from "../../environment/nixpkgs.js";
import type {
  PackagedDirectory,
  PackagedEnvironment,
  PackagedSystem,
} from "../../environment/packages.js";
import { variableNames } from "../../environment/variables.js";
import { adviceFor, refusalAdvice } from "../../store/nixpkgs/packages.js";
import { printable } from "../text.js";

/** A string into which Nix interpolates nothing. */
export function nixString(text: string): string {
  const escapes: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  // A bare carriage return would be read as the end of a line.
  const escaped = text.replace(
    /[\\"\n\r\t]|\$\{/g,
    (special) => escapes[special] ?? `\\${special}`,
  );
  return `"${escaped}"`;
}

const keywords = new Set("assert else if in inherit let or rec then with".split(" "));

/** A path through attribute sets; names that are not identifiers are quoted. */
export function nixAttribute(set: string, attribute: string): string {
  const names = attribute.split(".").map((name) => {
    const plain = /^[a-zA-Z_][\w'-]*$/.test(name) && !keywords.has(name);
    return plain ? name : nixString(name);
  });
  return [set, ...names].join(".");
}

/** A package in a set; for a renamed one, the attribute that old and new releases have. */
export function nixPackage(
  set: string,
  { attribute, formerly }: Pick<Package, "attribute" | "formerly">,
): string {
  const present = nixAttribute(set, attribute);
  return formerly === undefined ? present : `(${present} or ${nixAttribute(set, formerly)})`;
}

export function nixComment(text: string): string {
  return `# ${printable(text)}`;
}

/** Where packages for a system come from, given that those for this machine are in `pkgs`. */
export function packageSet({ system, own }: Pick<PackagedSystem, "system" | "own">): string {
  if (own) return "pkgs";
  if (system === "i686-linux") return "pkgs.pkgsi686Linux";
  return `(import pkgs.path { system = ${nixString(system)}; })`;
}

/** The lines of a package list, without its brackets. */
export function packageLines(packages: readonly Package[], set: string, indent: string): string[] {
  const seen = new Set<string>();
  return packages.flatMap((each) => {
    const attribute = nixPackage(set, each);
    if (seen.has(attribute)) return [];
    seen.add(attribute);
    return [`${indent}${attribute}${originComment(each)}`];
  });
}

function originComment(each: Package): string {
  const origin = originOf(each);
  return origin === null ? "" : ` ${nixComment(origin)}`;
}

/** What the reader has to know about a named package; null if its name is enough. */
export function originOf({ known, name, until, refusal }: Package): string | null {
  if (until !== undefined) return `removed from nixpkgs after NixOS ${until}: take it from that`;
  if (refusal !== undefined) return refusalAdvice(refusal);
  if (known === "guessed") return `guessed from the store path's name, ${name}`;
  return known === "nix-index" ? `nix-index has it for ${name}` : null;
}

/** The packages whose `lib` is searched. */
function librariesOf(directories: readonly PackagedDirectory[]): Package[] {
  return directories.flatMap((each) =>
    "package" in each && each.below === "/lib" ? [each.package] : [],
  );
}

/** All packages, whichever of their directories is searched. */
export function packagesOf(directories: readonly PackagedDirectory[]): Package[] {
  return directories.flatMap((each) => ("package" in each ? [each.package] : []));
}

/** How a value must be written for a variable to receive the text. */
type AsValue = (text: string) => string;
const asItIs: AsValue = (text) => text;

/** Directories that belong to no package, or lie deeper inside one, as Nix expressions. */
export function furtherDirectories(
  directories: readonly PackagedDirectory[],
  set: string,
  asValue: AsValue = asItIs,
): string[] {
  return directories.flatMap((each) => {
    if ("directory" in each) return [nixString(asValue(each.directory))];
    if (each.below === "/lib") return [];
    const attribute = nixPackage(set, each.package);
    return [`(pkgs.lib.getLib ${attribute} + ${nixString(each.below)})`];
  });
}

/** A search path, as a Nix expression that may take several lines. */
function libraryPath(
  { directories }: Pick<PackagedSystem, "directories">,
  set: string,
  indent: string,
  asValue: AsValue,
): string {
  const lines = packageLines(librariesOf(directories), set, `${indent}  `);
  const further = furtherDirectories(directories, set, asValue);
  const packages =
    lines.length === 0 ? [] : [`pkgs.lib.makeLibraryPath [\n${lines.join("\n")}\n${indent}]`];
  if (further.length === 0) return packages[0] ?? nixString("");
  const more = `pkgs.lib.concatStringsSep ":" [ ${further.join(" ")} ]`;
  return [...packages, more].join(` + ":" + `);
}

/** `NAME = VALUE;` lines that set nix-ld's variables. */
export function variableLines(
  { systems }: PackagedEnvironment,
  indent: string,
  asValue: AsValue = asItIs,
): string[] {
  return systems.flatMap((system) => {
    const set = packageSet(system);
    const libc = nixAttribute(set, system.libc.attribute);
    const loader = `"\${${libc}}/lib/${nixString(system.loader).slice(1, -1)}"`;
    // One name is enough here: nothing else should override it.
    const [names] = variableNames(system, systems);
    const { length } = system.directories;
    const path = length === 0 ? null : libraryPath(system, set, indent, asValue);
    return [
      `${indent}${names.loader} = ${loader};`,
      ...(path === null ? [] : [`${indent}${names.libraryPath} = ${path};`]),
    ];
  });
}

/** What the text is for, and what it lacks, as comments. */
export function headline(environment: PackagedEnvironment): string {
  const most = 3;
  const { programs } = environment;
  const names = programs.slice(0, most).map(({ path }) => path);
  const rest = programs.length > most ? ` and ${programs.length - most} more` : "";
  return [nixComment(`for ${names.join(", ")}${rest}`), ...unknownLines(environment)].join("\n");
}

/** The libraries for which no text can name a package, as comments. */
export function unknownLines({ systems }: Pick<PackagedEnvironment, "systems">): string[] {
  const told = systems
    .flatMap(({ unknown }) => unknown)
    .map(
      ({ soname, packages }) => adviceFor(soname, packages) ?? `no package is known for ${soname}`,
    );
  return [...new Set(told)].map(nixComment);
}
