// What each file gets: its loader, where it finds what it needs, and what stays missing. Nothing is
// written here.
import { basename, isAbsolute, join } from "node:path";
import type { Facts } from "../../addon/facts.js";
import type { Renaming } from "../../addon/native.js";
import { describeMachine, sameMachine } from "../../file/machine.js";
import type { Request } from "./arguments.js";
import type { Candidates } from "./candidates.js";
import type { Disk } from "./disk.js";
import { type Alternatives, parseDlopenNote } from "./dlopen.js";
import { isForMusl, type Target } from "./environment.js";
import {
  type Aim,
  type Entry,
  entryOf,
  inLoadOrder,
  lacking,
  loadable,
  originEntries,
} from "./search_path.js";

/** Something that a file needs, and what it gets. */
export interface Want {
  /** Names of which one is enough; DT_NEEDED has one. */
  alternatives: Alternatives;
  /** In DT_NEEDED, where the name can be changed; else in .note.dlopen. */
  needed: boolean;
  provision: Provision | null;
}

/** Where a library comes from. */
export interface Provision {
  /** The name that was taken of the alternatives. */
  name: string;
  /** The entry of the search path; null where the loader finds it without. */
  entry: Entry | null;
  /** The name by which it has to be needed from now on, where that is another one. */
  rename: string | null;
  /** The library; null where it was not looked into. */
  facts: Facts | null;
  ofLibc: boolean;
}

/** What is to become of one file. */
export interface FilePlan {
  facts: Facts;
  /** Why it is left alone, as "because …"; null where it is not. */
  skipped: string | null;
  /** The loader that it gets; null for a library. */
  interpreter: string | null;
  wants: Want[];
  /** The search path that it gets; null where it keeps its own. */
  searchPath: string | null;
  renamings: Renaming[];
  /** What will not work, as a sentence without the file's path. */
  warnings: string[];
}

export interface Surroundings {
  request: Request;
  target: Target;
  candidates: Candidates;
  disk: Disk;
}

/** Plans for all files together: what shares a process shares its libraries. */
export function plan(files: readonly Facts[], surroundings: Surroundings): FilePlan[] {
  const drafts = files.map((facts) => ({
    facts,
    skipped: whyLeftAlone(facts, surroundings.target),
  }));
  const patched = drafts.flatMap(({ facts, skipped }) => (skipped === null ? [facts] : []));
  // A library that is chosen needs versions of others, which may call for another choice.
  const shared = new Map<string, Set<string>>();
  let wants = new Map<Facts, Want[]>();
  for (let grown = patched.length > 0; grown; ) {
    const chosen = [...wants.values()].flat().flatMap(({ provision }) => provision?.facts ?? []);
    grown = [...patched, ...chosen].map((facts) => share(facts, shared)).includes(true);
    if (grown || wants.size === 0)
      wants = new Map(patched.map((facts) => [facts, wantsOf(facts, shared, surroundings)]));
  }
  return drafts.map(({ facts, skipped }) =>
    skipped === null
      ? planFile(facts, wants.get(facts) ?? [], surroundings)
      : { ...nothing(facts), skipped },
  );
}

/** Notes the versions that a file needs; whether any was new. */
function share({ versionsNeeded }: Facts, shared: Map<string, Set<string>>): boolean {
  let grown = false;
  for (const { library, versions } of versionsNeeded) {
    const known = shared.get(library) ?? new Set();
    shared.set(library, known);
    const before = known.size;
    for (const { name, weak } of versions) if (!weak) known.add(name);
    grown ||= known.size > before;
  }
  return grown;
}

function nothing(facts: Facts): FilePlan {
  return {
    facts,
    skipped: null,
    interpreter: null,
    wants: [],
    searchPath: null,
    renamings: [],
    warnings: [],
  };
}

function whyLeftAlone(facts: Facts, { facts: loader, musl }: Target): string | null {
  if (facts.dynamicTable === "unread") return "it looks like a separate debug object";
  switch (facts.type) {
    case "static":
    case "static-pie":
      return "it is statically linked";
    case "relocatable":
      return "it contains no segment";
    case "core":
    case "other":
      return "it is neither a program nor a library";
  }
  if (!sameMachine(facts, loader)) {
    const [own, wanted] = [describeMachine(facts), describeMachine(loader)];
    return `its architecture (${own}) differs from target (${wanted})`;
  }
  if (!osAbisFit(loader.osAbi, facts.osAbi))
    return `its OS ABI (${facts.osAbi}) is not compatible with target (${loader.osAbi})`;
  if (isForMusl(facts) && !musl) return "its libc (musl) differs from target (glibc)";
  return null;
}

/** The generic ABI fits all others; EI_OSABI says little more than that extensions are used. */
function osAbisFit(wanted: string, got: string): boolean {
  return wanted === "system-v" || got === "system-v" || wanted === got;
}

type Shared = ReadonlyMap<string, ReadonlySet<string>>;

function wantsOf(facts: Facts, shared: Shared, surroundings: Surroundings): Want[] {
  const kept = keptEntries(facts, surroundings);
  const wanted = [
    ...facts.needed.map((name) => ({ alternatives: [name], needed: true })),
    ...facts.notes.dlopen.flatMap((text) =>
      (parseDlopenNote(text) ?? []).map((alternatives) => ({ alternatives, needed: false })),
    ),
  ];
  return wanted.map(({ alternatives, needed }) => {
    let provision: Provision | null = null;
    for (const name of alternatives) {
      provision ??= provide(name, needed, facts, kept, shared, surroundings);
    }
    return { alternatives, needed, provision };
  });
}

/** What it says itself of where its libraries lie; --ignore-existing is not to believe it. */
function keptEntries(facts: Facts, { request, disk }: Surroundings): Entry[] {
  return request.addExisting || request.preserveOrigin ? originEntries(facts, disk) : [];
}

function provide(
  name: string,
  needed: boolean,
  member: Facts,
  kept: readonly Entry[],
  shared: Shared,
  surroundings: Surroundings,
): Provision | null {
  const { request, target, disk } = surroundings;
  const bare = { name, entry: null, rename: null, facts: null, ofLibc: false };
  if (isAbsolute(name) && disk.isFile(name)) return bare;
  const isOfLibc = disk.isFile(join(target.libcDirectory, name));
  const libc = isOfLibc && {
    ...bare,
    facts: disk.facts(join(target.libcDirectory, name)),
    ofLibc: true,
  };
  // nixpkgs packages the loader of these systems apart from its libc.
  const isApart = member.osAbi === "freebsd" || member.osAbi === "openbsd";
  if (libc && !request.keepLibc && !isApart) return libc;
  const [best] = offers(name, needed, member, kept, surroundings)
    .map((offer) => ({ offer, fault: faultOf(offer, name, member, shared, surroundings) }))
    .sort((one, two) => one.fault - two.fault);
  if (best === undefined) return libc || null;
  const { entry, fileName, facts } = best.offer;
  const rename = needed && fileName !== name ? fileName : null;
  return { name, entry, rename, facts, ofLibc: false };
}

interface Offer {
  entry: Entry;
  fileName: string;
  facts: Facts;
}

/** Libraries that could be loaded for that name, the preferred one first. */
function offers(
  name: string,
  needed: boolean,
  member: Facts,
  kept: readonly Entry[],
  { candidates, target, disk }: Surroundings,
): Offer[] {
  // The loader looks for a name with a slash in that place only: it has to be needed without.
  const fileName = basename(name);
  const own = kept.flatMap((entry) => {
    const facts = loadable(entry.directory, fileName, member, disk);
    return facts === null ? [] : [{ entry, fileName, facts }];
  });
  const others = [
    ...candidates.named(fileName),
    ...(needed ? candidates.callingThemselves(fileName) : []),
  ].map(({ name: fileName, directory, facts }) => {
    const same = kept.find((entry) => disk.realPath(entry.directory) === disk.realPath(directory));
    return { entry: same ?? { text: directory, directory }, fileName, facts };
  });
  return [...own, ...others].filter(
    ({ facts }) =>
      sameMachine(facts, member) &&
      osAbisFit(member.osAbi, facts.osAbi) &&
      (target.musl || !isForMusl(facts)),
  );
}

/** How badly a library fits: 0 is well; the first of the least bad ones is taken. */
function faultOf(
  { facts }: Offer,
  name: string,
  member: Facts,
  shared: Shared,
  surroundings: Surroundings,
): number {
  const own = versionsOf(name, member);
  const all = [...(shared.get(name) ?? [])];
  const mislabelled = facts.soname !== null && facts.soname !== basename(name) ? 1 : 0;
  if (lacking(own, facts).length > 0) return 6 + mislabelled;
  if (lackingOfLibc(facts, surroundings).length > 0) return 4 + mislabelled;
  if (lacking(all, facts).length > 0) return 2 + mislabelled;
  return mislabelled;
}

function versionsOf(name: string, { versionsNeeded }: Facts): string[] {
  return versionsNeeded
    .filter(({ library }) => library === name)
    .flatMap(({ versions }) => versions.filter(({ weak }) => !weak).map((version) => version.name));
}

/** Versions that a file needs of the target's libc, which does not define them. */
function lackingOfLibc(facts: Facts, { target, disk }: Surroundings): string[] {
  return facts.versionsNeeded.flatMap(({ library }) => {
    const libc = disk.facts(join(target.libcDirectory, library));
    return libc === null ? [] : lacking(versionsOf(library, facts), libc);
  });
}

function planFile(facts: Facts, wants: Want[], surroundings: Surroundings): FilePlan {
  const { request, target, disk } = surroundings;
  const isProgram = facts.interpreter !== null;
  const provisions = wants.flatMap(({ provision }) => provision ?? []);
  const provided = provisions.flatMap(({ entry }) => entry ?? []);
  const before = isProgram ? request.runtimeDependencies : [];
  const added = [...before, ...request.appendRpaths];
  const plan = {
    ...nothing(facts),
    interpreter: isProgram ? target.interpreter : null,
    wants,
    renamings: provisions.flatMap(({ name, rename }) =>
      rename === null ? [] : [{ from: name, to: rename }],
    ),
    warnings: warningsOf(facts, provisions, surroundings),
  };
  if (added.length === 0 && provided.length === 0) return plan;
  const entries = [
    ...before.map((text) => entryOf(text, facts.path)),
    ...keptEntries(facts, surroundings),
    ...provided,
    ...request.appendRpaths.map((text) => entryOf(text, facts.path)),
  ];
  const aims = aimsOf(facts, provisions, target);
  const { order, conflicts } = inLoadOrder(unique(entries), aims, facts, disk);
  const passedBy = conflicts.map(
    ({ aim, taken }) => `${aim.name} is taken from ${taken.text}, which comes first`,
  );
  return {
    ...plan,
    searchPath: order.map(({ text }) => text).join(":"),
    warnings: [...plan.warnings, ...passedBy],
  };
}

function unique(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.text, entry])).values()];
}

function aimsOf(facts: Facts, provisions: readonly Provision[], target: Target): Aim[] {
  const ofLibc = { text: target.libcDirectory, directory: target.libcDirectory };
  return provisions.flatMap((provision) => {
    const entry = provision.ofLibc ? ofLibc : provision.entry;
    if (entry === null) return [];
    const { name, rename, ofLibc: isDefault } = provision;
    return [
      { name: rename ?? basename(name), entry, versions: versionsOf(name, facts), isDefault },
    ];
  });
}

function warningsOf(
  facts: Facts,
  provisions: readonly Provision[],
  surroundings: Surroundings,
): string[] {
  const warnings: string[] = [];
  if (facts.notes.dlopen.some((text) => parseDlopenNote(text) === null))
    warnings.push("its .note.dlopen is not what the specification says, and was passed over");
  for (const { name, entry, ofLibc, facts: library } of provisions) {
    const missing = library === null ? [] : lacking(versionsOf(name, facts), library);
    const directory = ofLibc ? surroundings.target.libcDirectory : entry?.directory;
    if (missing.length > 0)
      warnings.push(`${name} in ${directory} does not define ${missing.join(", ")}`);
  }
  return warnings;
}
