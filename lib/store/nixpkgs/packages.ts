// Packages of nixpkgs that have a library, and what is said about them. rank.ts finds out which they are.

import { comesWithDriver, driverDirectory, nvidiaSetting } from "../../file/driver_name.js";
import { libcOf, type OfLibc } from "../../file/libc.js";
import { describeMachine, type Machine, thisMachine } from "../../file/machine.js";
import { hasNixSystem, nixSystem } from "../../file/nix_system.js";
import { definedByNone, sinceRelease } from "./symbol_versions.js";
import { rowOf, type TableRow, tableDate } from "./table.js";

/** A package in nixpkgs that has a library. */
export interface NixpkgsPackage {
  /** Within nixpkgs' package set: "libxcrypt-legacy", "stdenv.cc.cc". */
  attribute: string;
  /** The attribute before it was renamed; older releases have it. */
  formerly: string | null;
  /** null for the output that nixpkgs' `lib.getLib` takes. */
  output: string | null;
  /** The last release of NixOS whose nixpkgs has it ("26.05"); null if the present one does. */
  until: string | null;
  /** Why nixpkgs builds it only with permission (NIXPKGS_ALLOW_INSECURE, …_UNFREE); null if not known. */
  refusal: "insecure" | "unfree" | null;
  /** The soname that it has; differs from the wanted one if only the version differs. */
  soname: string;
  /** Where this is known from. */
  source: string;
  /** The source's date, as YYYY-MM-DD; null if not known. */
  date: string | null;
  /** What speaks for it, most important first. */
  reasons: string[];
}

/** A library that no store path has, or none with the needed symbol versions. */
export interface MissingLibrary {
  /** The name by which it is needed. */
  soname: string;
  /** The system that it has to be for: "x86_64-linux". */
  system: string;
  /** The versions that it has to define. */
  versions: string[];
  /** The nixpkgs packages that have it, the best first. */
  packages: NixpkgsPackage[];
}

/** The source of what nix-index's database says, which nothing here has checked. */
export const nixIndex = "nix-index's database";

/** The package with exactly this soname, from the table alone. */
export function packageOfSoname(soname: string): NixpkgsPackage | null {
  const found = packageOnceOf(soname);
  return found !== null && isPresent(found, soname) ? found : null;
}

/** The same, even if nixpkgs has removed it. */
export function packageOnceOf(soname: string): NixpkgsPackage | null {
  const row = rowOf(soname);
  const found = row && asPackage(row, soname);
  return found?.soname === soname ? found : null;
}

/** The package as built for the libc of what needs it (nixpkgs pkgs/top-level/stage.nix, pkgsMusl). */
export function builtFor(needing: OfLibc, found: NixpkgsPackage): NixpkgsPackage {
  const { attribute, formerly } = found;
  // musl's own package uses musl in every set, and an attribute that names a set has already chosen.
  if (libcOf(needing) !== "musl" || /^(musl$|pkgs\w+\.)/.test(attribute)) return found;
  const inSet = (name: string) => `pkgsMusl.${name}`;
  return { ...found, attribute: inSet(attribute), formerly: formerly && inSet(formerly) };
}

/** Whether the package, as it is in nixpkgs now, has exactly this soname. */
export function isPresent({ soname, until }: NixpkgsPackage, wanted: string): boolean {
  return soname === wanted && until === null;
}

/**
 * An argument for `nix build`: "nixpkgs#zlib", including the system if it is for another machine.
 * @param system the system that it has to be for: "x86_64-linux"
 * @param channel the NixOS channel, if not the user's own nixpkgs: "unstable", "24.11"
 */
export function installable(
  { attribute, output, until }: Pick<NixpkgsPackage, "attribute" | "output" | "until">,
  system: string,
  channel: string | null = until,
): string {
  const set = system === nixSystem(thisMachine()) ? "" : `legacyPackages.${system}.`;
  const flake = channel === null ? "nixpkgs" : `nixpkgs/nixos-${channel}`;
  return `${flake}#${set}${attribute}${output === null ? "" : `.${output}`}`;
}

/** Where to get a library that no store path has, as a clause without a full stop; null if nothing is known. */
export function adviceFor(
  soname: string,
  packages: readonly NixpkgsPackage[],
  machine: Machine = thisMachine(),
): string | null {
  if (comesWithDriver(soname))
    return `${soname} comes with the graphics driver, not with a package (on NixOS it is in ${driverDirectory} with ${nvidiaSetting})`;
  if (!hasNixSystem(machine)) return `nixpkgs has no packages for ${describeMachine(machine)}`;
  const [best, ...others] = packages;
  if (best === undefined) return null;
  const what = installable(best, nixSystem(machine));
  if (best.source === nixIndex)
    return `${soname} is in ${what}, as ${nixIndex} of ${best.date} says (nix build ${what})`;
  const renamed = best.formerly === null ? "" : `; in older releases nixpkgs#${best.formerly}`;
  if (best.soname !== soname) return `${what} has ${best.soname} instead${renamed}`;
  const permitted = best.refusal === null ? "" : `; ${refusalAdvice(best.refusal)} and --impure`;
  if (best.until !== null) {
    const instead = others.find(({ until }) => until === null);
    const now = instead && `${installable(instead, nixSystem(machine))} has ${instead.soname}`;
    return `${soname} is in ${what}, which nixpkgs removed after that release (nix build ${what}${permitted})${now === undefined ? "" : `; ${now} instead`}`;
  }
  return `${soname} is in ${what} (nix build ${what}${renamed}${permitted})`;
}

/** How to get a glibc that defines a version which those in the store do not, or that none defines it. */
export function adviceForNewerGlibc(version: string): string {
  const wanted = `get ${sinceRelease(version) ?? "a newer one"} (nix build nixpkgs/nixos-unstable#glibc)`;
  return definedByNone(version) ?? wanted;
}

/** The same for another library; null if no package is known. */
export function adviceForNewer(
  soname: string,
  machine: Machine & OfLibc,
  version = "",
): string | null {
  const none = definedByNone(version);
  if (none !== null) return none;
  const known = hasNixSystem(machine) ? packageOfSoname(soname) : null;
  const found = known && builtFor(machine, known);
  const what = sinceRelease(version) ?? "a newer one";
  return found && `get ${what} (nix build ${installable(found, nixSystem(machine), "unstable")})`;
}

/** Why nixpkgs refuses it, and what permits it: "nixpkgs marks it as unfree: NIXPKGS_ALLOW_UNFREE=1". */
export function refusalAdvice(refusal: NonNullable<NixpkgsPackage["refusal"]>): string {
  return `nixpkgs marks it as ${refusal}: NIXPKGS_ALLOW_${refusal.toUpperCase()}=1`;
}

export function asPackage(row: TableRow, wanted: string): NixpkgsPackage {
  const { attribute, formerly, output, until, refusal, source } = row;
  const soname = row.now ?? row.soname;
  const reasons = [
    soname === wanted ? `has ${soname}` : `has ${soname}, another version of it`,
    ...(formerly === null ? [] : [`was renamed from ${formerly}`]),
    ...(refusal === null ? [] : [`nixpkgs marks it as ${refusal}`]),
    ...(until === null ? [] : [`was removed from nixpkgs after ${until}`]),
  ];
  return {
    attribute,
    formerly,
    output,
    until,
    refusal,
    soname,
    source,
    date: tableDate(),
    reasons,
  };
}
