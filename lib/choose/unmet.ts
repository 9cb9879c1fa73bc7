// Why no loader and no set of libraries will do: which need cannot be met, and by what it could be.
import type { ResolvedLibrary, VersionProblem } from "../addon/facts.js";
import { sameMachine } from "../file/machine.js";
import { isGlibcVersion } from "../file/versions.js";
import type { Problem } from "../judge/problem.js";
import type { Store } from "../store/context.js";
import { adviceFor, adviceForNewer } from "../store/nixpkgs/packages.js";
import { lackingOf, type Solved, type Task } from "./solve.js";

/** One sentence for each problem that a choice leaves; empty where it leaves none. */
export async function unmetNeeds(
  solved: Solved,
  loaderPath: string | null,
  store: Store,
): Promise<string[]> {
  if (solved.problems.length === 0) return [];
  const loader = (await store.loaders()).find(({ path }) => path === loaderPath) ?? null;
  const sentence = async ({ need, message }: Problem): Promise<string> => {
    if (need?.kind === "library") return missingLibrary(need.library, solved, store);
    if (need?.kind === "version") return missingVersion(need.version, solved, loader, store);
    return message;
  };
  return [...new Set(await Promise.all(solved.problems.map(sentence)))];
}

async function missingLibrary(
  { soname, reason }: ResolvedLibrary,
  { whyNot, member }: Solved,
  store: Store,
): Promise<string> {
  const advice = adviceFor(soname, await store.packages(soname), member.facts);
  const told = advice === null ? "" : `; ${advice}`;
  return `no library for ${soname} (${whyNot.get(soname) ?? reason}${told})`;
}

async function missingVersion(
  { library: soname, version, providerPath, neededBy }: VersionProblem,
  { member }: Solved,
  loader: Task["loader"],
  store: Store,
): Promise<string> {
  const said = `${providerPath} does not define ${version}, which ${neededBy} needs`;
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
  if (other === undefined) {
    const advice = adviceForNewer(soname, member.facts);
    return `${said}; no ${soname} in the store does${advice === null ? "" : `: ${advice}`}`;
  }
  const lacking = lackingOf(other.facts, loader);
  const but =
    lacking.length === 0
      ? "it does not go together with the other libraries"
      : `it needs ${lacking.join(", ")}, newer than the glibc of ${loader?.path}`;
  return `${said}; ${other.path} does, but ${but}`;
}
