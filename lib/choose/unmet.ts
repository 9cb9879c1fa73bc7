// Why no loader and no set of libraries will do: which need cannot be met, and by what it could be.
import { sameMachine } from "../file/machine.js";
import { isGlibcVersion } from "../file/versions.js";
import type { Store } from "../store/context.js";
import { type Conflict, conflictsOf } from "./fitting_set.js";
import { lackingOf, type Problem, type Solved } from "./solve.js";

/** One sentence for each need of a member that is not met; empty where all are. */
export async function unmetNeeds(
  solved: Solved,
  loaderPath: string | null,
  store: Store,
): Promise<string[]> {
  const conflicts = conflictsOf(solved);
  if (conflicts.length === 0) return [];
  const loader = (await store.loaders()).find(({ path }) => path === loaderPath) ?? null;
  const sentences: string[] = [];
  for (const conflict of conflicts) {
    sentences.push(
      conflict.version === null
        ? await missingLibrary(conflict, solved, store)
        : await missingVersion({ ...conflict, version: conflict.version }, solved, loader, store),
    );
  }
  return [...new Set(sentences)];
}

async function missingLibrary(
  { soname }: Conflict,
  { unresolved }: Solved,
  store: Store,
): Promise<string> {
  const why = unresolved.find((each) => each.soname === soname)?.why ?? "it is not found";
  const [located] = (await store.locate(soname)) ?? [];
  const advice =
    located === undefined
      ? ""
      : `; nix-locate says: nixpkgs#${located}, not checked (nix build nixpkgs#${located})`;
  return `no library for ${soname} (${why}${advice})`;
}

async function missingVersion(
  { soname, version, provider, neededBy }: Conflict & { version: string },
  { member }: Solved,
  loader: Problem["loader"],
  store: Store,
): Promise<string> {
  const said = `${provider} does not define ${version}, which ${neededBy} needs`;
  if (isGlibcVersion(version)) {
    const newer = (await store.loaders()).find(
      (other) =>
        sameMachine(other, member.facts) &&
        other.path !== loader?.path &&
        other.definedVersions.includes(version),
    );
    return newer === undefined
      ? `${said}; no glibc in the store does: get a newer one (nix build nixpkgs/nixos-unstable#glibc)`
      : `${said}; the glibc of ${newer.path} does, but with it something else is missing`;
  }
  const wanted = { ...member.facts, versions: [version] };
  const [other] = (await store.providers([soname], wanted)).get(soname)?.providers ?? [];
  if (other === undefined) return `${said}; no ${soname} in the store does`;
  const lacking = lackingOf(other.facts, loader);
  const but =
    lacking.length === 0
      ? "it does not go together with the other libraries"
      : `it needs ${lacking.join(", ")}, newer than the glibc of ${loader?.path}`;
  return `${said}; ${other.path} does, but ${but}`;
}
