// Which packages of nixpkgs have what a build lacks: what every command knows of that.
import type { Machine } from "../../file/machine.js";
import { locator } from "../../store/nixpkgs/nix_index.js";
import { isPresent, type NixpkgsPackage } from "../../store/nixpkgs/packages.js";
import { type Locate, packagesFor } from "../../store/nixpkgs/rank.js";
import type { MissingDependency } from "./auto_patchelf.js";

/** The best package of each library that has to be there; what none is known of is not in the answer. */
export async function packagesOf(
  missing: readonly MissingDependency[],
  machine: Machine,
  locate: Locate = locator(),
): Promise<Map<string, NixpkgsPackage>> {
  const found = new Map<string, NixpkgsPackage>();
  for (const { name, pattern } of missing) {
    if (pattern !== null || found.has(name)) continue;
    const packages = await packagesFor(name, locate, machine);
    const best = packages.find((each) => isPresent(each, name));
    if (best !== undefined) found.set(name, best);
  }
  return found;
}
