// Getting what no store path has: packages from nixpkgs, realised by Nix and kept from garbage collection.
//
// First everything is determined and can be shown (`planGet`); only then is anything fetched or built (`get`).

import { basename, join } from "node:path";
import { checkList, checkMade, checkOptions, type Kinds } from "../base/arguments.js";
import { existsSync, readdir, unlink } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { groupedBy } from "../base/grouped.js";
import { defaultStore } from "../base/options.js";
import { inspect } from "../file/inspect.js";
import { madeStateSubdirectory } from "../file/state.js";
import { Nix } from "../store/nix.js";
import {
  adviceFor,
  type MissingLibrary,
  type NixpkgsPackage,
  refusalAdvice,
} from "../store/nixpkgs/packages.js";
import { checkPlace, hostPath, type StorePlace } from "../store/place.js";
import { type CacheAnswer, type Caches, cachesOf, lookInCaches } from "./binary_cache.js";
import { type Evaluated, evaluate } from "./evaluate.js";
import { type NixRun, runNix } from "./nix_command.js";
import {
  buildCommand,
  type NixFeatures,
  type Nixpkgs,
  nixFeatures,
  nixpkgsFor,
} from "./nixpkgs.js";

/** Options for getting packages. */
export interface GetOptions {
  /** Ends the call: it throws a FixelfError `cancelled`, with the signal's reason as its cause. */
  signal?: AbortSignal | undefined;
  /** Whether Nix's progress messages go to stderr. Default false. */
  shown?: boolean | undefined;
  /** Where packages come from: a flake reference, a directory, "<nixpkgs>". Default: the user's own. */
  nixpkgs?: string | undefined;
  /** What turned out not to help, although it was supposed to. */
  useless?: readonly Useless[] | undefined;
}

const getKinds: Kinds<GetOptions> = {
  nixpkgs: "string",
  shown: "boolean",
  signal: "AbortSignal",
  useless: "list",
};

/** A store path that lacks what it was fetched for. */
export interface Useless {
  /** What it was fetched for. */
  soname: string;
  /** What was fetched. */
  storePath: string;
}

/** A package that is to be fetched. */
export interface WantedPackage {
  /** Within nixpkgs' package set: "libxcrypt-legacy". */
  attribute: string;
  /** The output that has the libraries: "lib". */
  output: string;
  /** "x86_64-linux". */
  system: string;
  /** The nixpkgs that it comes from. */
  nixpkgs: Nixpkgs;
  /** Its store path. */
  storePath: string;
  /** What it is wanted for. */
  sonames: string[];
  /** The source that lists them for it. */
  source: string;
  /** What a binary cache says about it, by soname; empty if no cache could be asked. */
  cached: CacheAnswer[];
}

/** What Nix will do, according to Nix. */
export interface Effort {
  /** How many store paths will be fetched. */
  fetched: number;
  /** How many derivations will be built. */
  built: number;
  /** The size of the download, in MiB. */
  download: number;
  /** Its size when unpacked, in MiB. */
  unpacked: number;
}

/** What is to be fetched. */
export interface GetPlan {
  /** The packages, each once. */
  packages: WantedPackage[];
  /** What cannot be fetched: the `soname`, and `why`. */
  without: { soname: string; why: string }[];
  /** What it takes. */
  effort: Effort;
}

/** A package that was fetched. */
export interface Got {
  /** Within nixpkgs' package set: "libxcrypt-legacy". */
  attribute: string;
  /** The output that was fetched: "lib". */
  output: string;
  /** Its store path. */
  storePath: string;
  /** What it was fetched for. */
  sonames: string[];
  /** The source that listed them for it. */
  source: string;
  /** The GC root that keeps it. */
  link: string;
  /** Whether the root was made for it. */
  isNew: boolean;
}

const noCaches: Caches = { addresses: [], authorities: [] };

/** Any further candidates for one library are guesses. */
const mostTried = 3;

/**
 * Determines which packages have the libraries, and what it takes to get them. Nothing is fetched except what Nix needs
 * to evaluate nixpkgs.
 * @throws FixelfError `usage` for a store that is not this machine's, `unsupported` without Nix, `cancelled`, `io`
 */
export async function planGet(
  missing: readonly MissingLibrary[],
  place: StorePlace,
  options: GetOptions = {},
): Promise<GetPlan> {
  checkList("planGet", "the missing libraries", missing);
  checkPlace("planGet", place);
  checkOptions("planGet", options, getKinds);
  mustBeOwn(place);
  const plan: GetPlan = { packages: [], without: [], effort: nothing() };
  const groups = new Map<string, Group>();
  const features = await nixFeatures(options);
  const unique = new Map(missing.map((each) => [`${each.system} ${each.soname}`, each]));
  for (const each of unique.values()) addToGroups(each, features, options, groups, plan);
  const caches = groups.size === 0 ? noCaches : await cachesOf(options);
  for (const group of groups.values()) {
    const packages = await packagesOf(group, caches, options, plan);
    if (packages.length === 0) continue;
    plan.packages.push(...packages);
    addEffort(plan.effort, await effortOf(group, packages, options));
  }
  return plan;
}

/**
 * Fetches what was planned. A package stays until its link is removed; if anything fails or is cancelled, no link is
 * left behind.
 * @throws FixelfError `cancelled`, `io` if Nix fails, or if the state directory cannot be made
 */
export async function get(
  plan: GetPlan,
  place: StorePlace,
  options: GetOptions = {},
): Promise<Got[]> {
  checkMade("get", "the plan", "planGet()", plan, { packages: "list" });
  checkPlace("get", place);
  checkOptions("get", options, getKinds);
  const links = await madeStateSubdirectory("gcroots");
  await removeAbandoned(links);
  const name = `${provisional}${process.pid}`;
  const nix = new Nix(place);
  const got: Got[] = [];
  try {
    for (const [index, packages] of byCommand(plan.packages).entries()) {
      const [{ nixpkgs, system }] = packages as [WantedPackage];
      const [tool, ...words] = buildCommand(nixpkgs, system, packages);
      // A link made by Nix itself, before the first store path arrives: nothing is collected in between.
      const link = join(links, `${name}-${index}`);
      await runNix(tool, [...words, tool === "nix" ? "--out-link" : "-o", link], options);
      for (const each of packages) got.push(await keep(each, links, nix));
    }
  } catch (failure) {
    await removeLinks(got);
    throw failure;
  } finally {
    for (const each of await readdir(links))
      if (each.startsWith(`${name}-`)) await unlink(join(links, each)).catch(() => undefined);
  }
  return got;
}

/** Gives up what was fetched: the next garbage collection removes it. */
export async function removeLinks(got: readonly Got[]): Promise<void> {
  for (const { link, isNew } of got) if (isNew) await unlink(link).catch(() => undefined);
}

async function keep(wanted: WantedPackage, links: string, nix: Nix): Promise<Got> {
  const { attribute, output, storePath, sonames, source } = wanted;
  const link = join(links, basename(storePath));
  const isNew = !existsSync(link);
  if (isNew && (await nix.addIndirectRoot(link, storePath)) === null) {
    const message = `nixpkgs' ${attribute} was to be ${storePath}, and Nix has not made that: ${nix.whyUnknown}`;
    throw new FixelfError("io", message);
  }
  return { attribute, output, storePath, sonames, source, link, isNew };
}

/** The links' names while Nix is at work, followed by the process number. */
const provisional = "get-";

/** For processes that were killed. */
async function removeAbandoned(links: string): Promise<void> {
  for (const name of await readdir(links)) {
    const [, process] = /^get-(\d+)-/.exec(name) ?? [];
    if (process === undefined || existsSync(`/proc/${process}`)) continue;
    await unlink(join(links, name)).catch(() => undefined);
  }
}

function mustBeOwn(place: StorePlace): void {
  if (place.root === "" && hostPath(place.store, place) === defaultStore) return;
  const where = place.root === "" ? place.store : place.root;
  const message = `--get fetches into this machine's own ${defaultStore}, and not for ${where}`;
  throw new FixelfError("usage", message);
}

interface Wanted {
  soname: string;
  /** The versions that it has to define. */
  versions: string[];
  candidates: NixpkgsPackage[];
}

/** What is requested from one nixpkgs for one system. */
interface Group {
  nixpkgs: Nixpkgs;
  /** Whether it is an older release, because the user's own no longer has these packages. */
  isOlder: boolean;
  system: string;
  wanted: Wanted[];
}

function addToGroups(
  { soname, system, versions, packages }: MissingLibrary,
  features: NixFeatures,
  { nixpkgs: named }: GetOptions,
  groups: Map<string, Group>,
  plan: GetPlan,
): void {
  // An attribute that now has another version had this one in an older nixpkgs, which the user may have named.
  const candidates = packages
    .filter((each) => each.soname === soname || named !== undefined)
    .slice(0, mostTried);
  const [best] = candidates;
  if (best === undefined) {
    const other = adviceFor(soname, packages);
    plan.without.push({ soname, why: other ?? "no package of nixpkgs is known to have it" });
    return;
  }
  const nixpkgs = nixpkgsFor(named, best.until, features);
  const key = JSON.stringify([nixpkgs, system]);
  const isOlder = named === undefined && best.until !== null;
  const group = groups.get(key) ?? { nixpkgs, isOlder, system, wanted: [] };
  group.wanted.push({
    soname,
    versions,
    candidates: candidates.filter(({ until }) => until === best.until),
  });
  groups.set(key, group);
}

async function packagesOf(
  group: Group,
  caches: Caches,
  options: GetOptions,
  plan: GetPlan,
): Promise<WantedPackage[]> {
  const { nixpkgs, system, wanted } = group;
  const asked = wanted.flatMap(({ soname, candidates }) =>
    candidates.flatMap(({ attribute, formerly, output, source }) =>
      [attribute, ...(formerly === null ? [] : [formerly])].map((name) => ({
        ...{ soname, attribute: name, output, source },
      })),
    ),
  );
  const evaluated = await evaluate(nixpkgs, system, asked, options).catch((failure) =>
    noneOf(group, failure, plan),
  );
  if (evaluated === null) return [];
  const chosen = new Map<string, WantedPackage>();
  for (const { soname, versions, candidates } of wanted) {
    const there = asked.flatMap((each, index) => {
      const found = evaluated[index];
      return each.soname === soname && found ? [{ ...each, ...found }] : [];
    });
    const unfit: string[] = [];
    const picked = await pick({ soname, versions }, there, caches, options, unfit);
    if (picked === null) {
      plan.without.push({ soname, why: unfit.join("; ") || whyNone(candidates, nixpkgs) });
      continue;
    }
    const { attribute, output, storePath, source, answer } = picked;
    const present = chosen.get(storePath) ?? {
      ...{ attribute, output, system, nixpkgs, storePath, source },
      ...{ sonames: [], cached: [] },
    };
    present.sonames.push(soname);
    if (answer !== null) present.cached.push(answer);
    chosen.set(storePath, present);
  }
  return [...chosen.values()];
}

/** An older nixpkgs that is unavailable does not hold back what the user's own has. */
function noneOf({ isOlder, wanted }: Group, failure: unknown, plan: GetPlan): null {
  if (!isOlder || !(failure instanceof FixelfError) || failure.code === "cancelled") throw failure;
  for (const { soname } of wanted) plan.without.push({ soname, why: failure.message });
  return null;
}

type Candidate = Evaluated & { attribute: string; source: string };

/**
 * The first candidate that neither the store nor a cache's listing rules out; the reasons against those before it go
 * into `unfit`.
 */
async function pick(
  { soname, versions }: Pick<Wanted, "soname" | "versions">,
  candidates: readonly Candidate[],
  caches: Caches,
  options: GetOptions,
  unfit: string[],
): Promise<(Candidate & { answer: CacheAnswer | null }) | null> {
  for (const candidate of candidates) {
    const { attribute, storePath } = candidate;
    const isUseless = (each: Useless) => each.soname === soname && each.storePath === storePath;
    if (options.useless?.some(isUseless)) {
      unfit.push(`${attribute} does not bring what is needed of it`);
      continue;
    }
    const lacking = await lackingIn(storePath, soname, versions);
    if (lacking.length > 0) {
      unfit.push(`${attribute} (${storePath}) does not define ${lacking.join(", ")}`);
      continue;
    }
    const answer = await lookInCaches(storePath, soname, caches, options);
    if (answer === null || answer.file !== null) return { ...candidate, answer };
    unfit.push(`the binary cache's listing of ${attribute} does not have it`);
  }
  return null;
}

/** The versions that a library does not define; empty if it is not in the store, since then nothing is known. */
async function lackingIn(
  storePath: string,
  soname: string,
  versions: readonly string[],
): Promise<string[]> {
  const path = join(storePath, "lib", soname);
  if (versions.length === 0 || !existsSync(path)) return [];
  const { versionsDefined } = await inspect(path);
  return versions.filter((version) => !versionsDefined.includes(version));
}

function whyNone(candidates: readonly NixpkgsPackage[], nixpkgs: Nixpkgs): string {
  const where = nixpkgs.kind === "flake" ? nixpkgs.reference : nixpkgs.file;
  const names = candidates.flatMap(({ attribute, formerly }) =>
    formerly === null ? [attribute] : [attribute, formerly],
  );
  const known = candidates.find(({ refusal }) => refusal !== null)?.refusal ?? null;
  const why = known === null ? "insecure, unfree or broken" : refusalAdvice(known);
  return `${where} has no ${names.join(", ")}, or refuses it (${why})`;
}

function nothing(): Effort {
  return { fetched: 0, built: 0, download: 0, unpacked: 0 };
}

function addEffort(sum: Effort, more: Effort): void {
  for (const name of Object.keys(sum) as (keyof Effort)[]) sum[name] += more[name];
}

async function effortOf(
  { nixpkgs, system }: Group,
  packages: readonly WantedPackage[],
  options: NixRun,
): Promise<Effort> {
  const [tool, ...words] = buildCommand(nixpkgs, system, packages);
  const { stderr } = await runNix(tool, [...words, "--dry-run"], { ...options, shown: false });
  return parseEffort(stderr);
}

/** The output of `--dry-run`: two lists of store paths, each below a line with its size. */
export function parseEffort(text: string): Effort {
  const effort = nothing();
  let counted: "fetched" | "built" | null = null;
  for (const line of text.split("\n")) {
    if (/^(this|these)\b.*\bderivations? will be built/.test(line)) counted = "built";
    else if (/^(this|these)\b.*\bpaths? will be fetched/.test(line)) {
      counted = "fetched";
      const [, download, unpacked] =
        /\(([\d.]+) MiB download, ([\d.]+) MiB unpacked/.exec(line) ?? [];
      effort.download += Number(download ?? 0);
      effort.unpacked += Number(unpacked ?? 0);
    } else if (counted !== null && /^\s+\/\S/.test(line)) effort[counted]++;
    else if (line.trim() !== "") counted = null;
  }
  return effort;
}

/** What one command builds: the packages from one nixpkgs for one system. */
function byCommand(packages: readonly WantedPackage[]): WantedPackage[][] {
  const commandOf = ({ nixpkgs, system }: WantedPackage) => JSON.stringify([nixpkgs, system]);
  return groupedBy(packages, commandOf);
}
