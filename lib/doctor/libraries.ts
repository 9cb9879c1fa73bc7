// What helps if a library is missing: the store path that has it, or the nixpkgs package.
import { basename, dirname, join } from "node:path";
import type { Facts, ResolvedLibrary } from "../addon/facts.js";
import { contentOf } from "../file/content.js";
import { isStartedByLoader } from "../file/kind.js";
import { libcOf } from "../file/libc.js";
import { sameMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { byEachName, directoryOfBoth, libraryBeside } from "../file/together.js";
import type { Subject, Tree } from "../file/tree.js";
import { versionsNeededOf } from "../file/versions.js";
import { rightsOf, whoElseDecides } from "../judge/rights.js";
import type { Providers } from "../store/find.js";
import { adviceFor, installable, type NixpkgsPackage } from "../store/nixpkgs/packages.js";
import { type Circumstances, canGet, fixCommand } from "./circumstances.js";
import type { Help } from "./finding.js";

export async function helpForLibrary(
  { soname, tried }: ResolvedLibrary,
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Help> {
  const fix = fixCommand(subject, circumstances);
  const sibling = siblingOf(soname, facts, circumstances);
  if (sibling !== null) return helpByOwn(sibling, fix, subject, facts, circumstances);
  const { providers, rejected } = await answersOf(soname, facts, circumstances);
  const [best] = providers;
  if (best !== undefined) return { evidence: [`${best.path} would do`], remedy: fix };
  const beside = libraryBeside(soname, { path: subject.path, facts }, circumstances.files);
  if (beside !== null) {
    // Files beside one another in one directory may be unrelated, as downloads are.
    const isTree = dirname(beside) !== dirname(subject.path);
    const both = isTree ? directoryOfBoth(subject, beside, circumstances.options) : null;
    const remedy = fixCommand(subject, circumstances, {
      path: both ?? subject.shown,
      ...(both === null && { libraryDirectories: [dirname(beside)] }),
    });
    return helpByOwn(beside, remedy, subject, facts, circumstances);
  }
  // A file with that name that could be turned into a library.
  const unread = tried.find(({ code }) => code === "not-elf");
  const host = unread === undefined ? null : circumstances.files.hostPath(unread.path);
  const remedy = host === null ? null : contentOf(host).remedy;
  if (remedy !== null) return { evidence: [], remedy };
  const [unfit] = rejected;
  if (unfit !== undefined) {
    const why = `${unfit.path}: ${unfit.why}`;
    return { evidence: [why], remedy: `Get a package with a ${soname} that fits, then: ${fix}` };
  }
  const packages = await circumstances.store.packages(soname, facts);
  const forMusl = libcOf(facts) === "musl" ? " for musl" : "";
  return {
    evidence: [`no store path here provides ${soname}${forMusl}`, ...evidenceOf(packages, facts)],
    ...gettingOf(soname, packages, subject, facts, circumstances),
  };
}

/** A library beside a program that gives rights does not count if others could replace it. */
function helpByOwn(
  library: string,
  command: string,
  { host }: Subject,
  facts: Facts,
  { files }: Circumstances,
): Help {
  const isSecure = isStartedByLoader(facts) && rightsOf(host, files) !== null;
  const who = isSecure ? whoElseDecides(dirname(library), basename(library), host, files) : null;
  if (who === null) return { evidence: [`${library} would do`], remedy: command };
  return {
    evidence: [`${library} would do, but ${who}, and it would run with the program's rights`],
    remedy: `Let nobody but root change what leads to it (chown root, chmod go-w), then: ${command}`,
  };
}

/** A library below the directory that was named, as fix finds it: under the needed name. */
function siblingOf(soname: string, facts: Facts, { tree, files }: Circumstances): string | null {
  if (!tree.directory) return null;
  const alike = bundled(tree).get(soname) ?? [];
  return (
    alike
      .filter((library) => sameMachine(library.facts, facts))
      .map(({ path }) => join(dirname(path), soname))
      .find((path) => files.look(path).facts !== null) ?? null
  );
}

const bundles = new WeakMap<Tree, ReturnType<typeof byEachName>>();

/** The libraries of a tree by name. */
function bundled(tree: Tree): ReturnType<typeof byEachName> {
  const known = bundles.get(tree);
  if (known !== undefined) return known;
  const libraries = tree.subjects.flatMap(({ path, facts }) =>
    facts?.type === "shared-library" ? [{ path, facts }] : [],
  );
  const byName = byEachName(libraries);
  bundles.set(tree, byName);
  return byName;
}

/** Whether the store has a library that the file could load. */
export async function isProvided(
  soname: string,
  facts: Facts,
  circumstances: Circumstances,
): Promise<boolean> {
  return (await answersOf(soname, facts, circumstances)).providers.length > 0;
}

function gettingOf(
  soname: string,
  packages: readonly NixpkgsPackage[],
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Pick<Help, "remedy" | "get"> {
  const advice = adviceFor(soname, packages, facts);
  const fix = fixCommand(subject, circumstances);
  const [best] = packages;
  if (advice === null || best?.soname !== soname) {
    const known = advice === null ? "" : ` (${advice})`;
    return { remedy: `Get a package that has ${soname}${known}, then: ${fix}` };
  }
  if (!canGet(circumstances)) return { remedy: `${advice}, then: ${fix}` };
  const command = fixCommand(subject, circumstances, { get: true });
  return {
    remedy: `${advice}; get it and fix with: ${command}`,
    get: { package: installable(best, nixSystem(facts)), command },
  };
}

/** Further packages may do as well, and the first may not be the right one. */
const mostNamed = 3;

function evidenceOf(packages: readonly NixpkgsPackage[], facts: Facts): string[] {
  return packages.slice(0, mostNamed).map((each) => {
    const asOf = each.date === null ? "" : ` of ${each.date}`;
    return `${installable(each, nixSystem(facts))}: ${each.reasons.join("; ")} (${each.source}${asOf})`;
  });
}

async function answersOf(
  soname: string,
  facts: Facts,
  { store }: Circumstances,
): Promise<Pick<Providers, "providers" | "rejected">> {
  const versions = versionsNeededOf(facts, soname);
  const found = await store.providers([soname], { ...facts, versions });
  return found.get(soname) ?? { providers: [], rejected: [] };
}
