// What helps where a library is missing: the store path that has it, or the package that would.
import type { Facts, ResolvedLibrary } from "../addon/facts.js";
import type { Subject } from "../file/tree.js";
import type { Providers } from "../store/find.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import type { Help } from "./remedy.js";

export async function helpForLibrary(
  { soname }: ResolvedLibrary,
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Help> {
  const fix = fixCommand(subject, circumstances);
  const { providers, rejected } = await answersOf(soname, facts, circumstances);
  const [best] = providers;
  if (best !== undefined) return { evidence: [`${best.path} would do`], remedy: fix };
  const [unfit] = rejected;
  if (unfit !== undefined) {
    const why = `${unfit.path}: ${unfit.why}`;
    return { evidence: [why], remedy: `Get a package with a ${soname} that fits, then: ${fix}` };
  }
  const located = await locate(soname, circumstances);
  return {
    evidence: located === null ? [] : [located.evidence],
    remedy: `No store path here provides ${soname}. ${located?.wanted ?? "Get a package that does"}, then: ${fix}`,
  };
}

/** Whether the store has a library that the file could load. */
export async function isProvided(
  soname: string,
  facts: Facts,
  circumstances: Circumstances,
): Promise<boolean> {
  return (await answersOf(soname, facts, circumstances)).providers.length > 0;
}

/** What nix-index's database says of a library that the store has not; null where it is not asked. */
async function locate(
  soname: string,
  { store }: Circumstances,
): Promise<{ evidence: string; wanted: string } | null> {
  const packages = await store.locate(soname);
  const [first] = packages ?? [];
  if (packages === null || first === undefined) return null;
  const shown = packages.slice(0, 5).map((name) => `nixpkgs#${name}`);
  const more = packages.length > 5 ? ` and ${packages.length - 5} more` : "";
  return {
    evidence: `nix-locate says: ${shown.join(", ")}${more}; not checked`,
    wanted: `nix-locate says that it is in nixpkgs#${first} (not checked): nix build nixpkgs#${first}`,
  };
}

async function answersOf(
  soname: string,
  facts: Facts,
  { store }: Circumstances,
): Promise<Pick<Providers, "providers" | "rejected">> {
  const needed = facts.versionsNeeded.find(({ library }) => library === soname);
  const versions = needed?.versions.filter(({ weak }) => !weak).map(({ name }) => name) ?? [];
  const found = await store.providers([soname], { ...facts, versions });
  return found.get(soname) ?? { providers: [], rejected: [] };
}
