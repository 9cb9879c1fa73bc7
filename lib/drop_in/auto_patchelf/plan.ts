// What each file gets: its loader, the locations of what it needs, and what stays missing. Nothing is written here.
import { basename, dirname, isAbsolute, join } from "node:path";
import type { Facts } from "../../addon/facts.js";
import type { Renaming } from "../../addon/requests.js";
import { absolute } from "../../base/process.js";
import { isReservedByMusl } from "../../file/libc.js";
import { describeMachine, sameMachine } from "../../file/machine.js";
import { currentSearchPath, type SearchPathTag, withoutOrigin } from "../../file/search_path.js";
import type { Candidate, Candidates } from "./candidates.js";
import type { Disk } from "./disk.js";
import { type Alternatives, parseDlopenNote } from "./dlopen.js";
import { libcNamedBy, type Target } from "./environment.js";
import { fnmatch } from "./fnmatch.js";
import type { Asked } from "./options.js";
import {
  type Aim,
  type Entry,
  entryOf,
  entryTo,
  inLoadOrder,
  lacking,
  loadable,
  originEntries,
  relativized,
} from "./search_path.js";
import { isStub } from "./stubs.js";

/** Something that a file needs, and what it gets. */
export interface Want {
  /** Names of which one is enough; a DT_NEEDED entry has one. */
  alternatives: Alternatives;
  /** In DT_NEEDED, where the name can be changed; otherwise in .note.dlopen. */
  needed: boolean;
  provision: Provision | null;
  /** Directories that have it, but that no search path can name. */
  unreachable: string[];
}

/** Where a library comes from. */
export interface Provision {
  /** The alternative that was chosen. */
  name: string;
  /** The search path entry; null if the loader finds it without one. */
  entry: Entry | null;
  /** The directory itself, however the entry expresses it; null likewise. */
  location: string | null;
  /** The name by which it has to be needed from now on, if that differs. */
  rename: string | null;
  /** The library; null if it was not read. */
  facts: Facts | null;
  ofLibc: boolean;
}

/** What is to become of one file. */
export interface FilePlan {
  facts: Facts;
  /** Why it is left alone, as "because …"; null if it is not. */
  skipped: string | null;
  /** The loader that it gets; null for a library. */
  interpreter: string | null;
  wants: Want[];
  /** The search path that it gets; null if it keeps its own. */
  searchPath: string[] | null;
  searchPathTag: SearchPathTag;
  renamings: Renaming[];
  /** What will not work, as a sentence without the file's path. */
  warnings: string[];
}

export interface Surroundings {
  request: Asked;
  target: Target;
  candidates: Candidates;
  disk: Disk;
  /** Paths of the libraries whose own search path applies to what they open. */
  openers: ReadonlySet<string>;
}

/** Plans for all files together: what shares a process shares its libraries. */
export function plan(files: readonly Facts[], surroundings: Surroundings): FilePlan[] {
  const drafts = files.map((facts) => ({
    facts,
    skipped: whyLeftAlone(facts, surroundings.target),
  }));
  const patched = drafts.flatMap(({ facts, skipped }) => (skipped === null ? [facts] : []));
  // A chosen library needs versions of others, which may change another choice.
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
      ? planFile(facts, wants.get(facts) ?? [], openedFor(facts, wants, surroundings), surroundings)
      : { ...nothing(facts), skipped },
  );
}

/**
 * Directories of what a program's libraries open, according to their notes, if the program has to name them: musl's
 * dlopen searches the program's path, whatever calls it (ldso/dynlink.c, dlopen).
 */
function openedFor(
  program: Facts,
  wants: ReadonlyMap<Facts, Want[]>,
  { target, disk }: Surroundings,
): Entry[] {
  if (!target.musl || program.interpreter === null) return [];
  const members = new Map([...wants.keys()].map((facts) => [disk.realPath(facts.path), facts]));
  const loaded = new Set([program]);
  for (const facts of loaded) {
    for (const { provision } of wants.get(facts) ?? []) {
      const library = provision?.facts && members.get(disk.realPath(provision.facts.path));
      if (library) loaded.add(library);
    }
  }
  loaded.delete(program);
  return [...loaded]
    .flatMap((facts) => wants.get(facts) ?? [])
    .flatMap(({ needed, provision }) => (needed ? [] : (provision?.location ?? [])))
    .flatMap((directory) => entryTo(directory, program.path, { musl: true, disk }) ?? []);
}

/** Records the versions that a file needs; returns whether any was new. */
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
    searchPathTag: "runpath",
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
    case "debug-information":
      return "it looks like a separate debug object";
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
  if (!libcFits(facts, musl)) {
    const [own, wanted] = musl ? ["glibc", "musl"] : ["musl", "glibc"];
    return `its libc (${own}) differs from target (${wanted})`;
  }
  return null;
}

function libcFits(facts: Facts, musl: boolean): boolean {
  const named = libcNamedBy(facts);
  return named === null || (named === "musl") === musl;
}

/** The generic ABI is compatible with all others; EI_OSABI says little more than that extensions are used. */
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
    const want: Want = { alternatives, needed, provision: null, unreachable: [] };
    for (const name of alternatives) {
      want.provision ??= provide(name, want, facts, kept, shared, surroundings);
    }
    return want;
  });
}

/** The file's own entries for its libraries; with --ignore-existing these are not trusted. */
function keptEntries(facts: Facts, { request, disk }: Surroundings): Entry[] {
  return request.addExisting || request.preserveOrigin ? originEntries(facts, disk) : [];
}

function provide(
  name: string,
  want: Want,
  member: Facts,
  kept: readonly Entry[],
  shared: Shared,
  surroundings: Surroundings,
): Provision | null {
  const { request, target, disk } = surroundings;
  const bare = { name, entry: null, location: null, rename: null, facts: null, ofLibc: false };
  // A name with a slash is opened in that place only; glibc allows it to begin with $ORIGIN.
  const place = target.musl ? name : withoutOrigin(name, absolute(member.path));
  if (isAbsolute(place) && disk.isFile(place)) return bare;
  if (!want.needed && name.includes("/")) return null;
  if (target.musl && isReservedByMusl(name)) return bare;
  const isOfLibc = disk.isFile(join(target.libcDirectory, name));
  const libc = isOfLibc && {
    ...bare,
    facts: disk.facts(join(target.libcDirectory, name)),
    ofLibc: true,
  };
  // nixpkgs packages these systems' loader separately from its libc.
  const isApart = member.osAbi === "freebsd" || member.osAbi === "openbsd";
  if (libc && !request.keepLibc && !isApart) return libc;
  for (const offers of offersFor(name, want, member, kept, surroundings)) {
    const [best] = offers
      .map((offer) => ({ offer, fault: faultOf(offer, name, member, shared, surroundings) }))
      .sort((one, two) => one.fault - two.fault);
    if (best === undefined) continue;
    const { entry, fileName, facts } = best.offer;
    const location = disk.realPath(entry.directory);
    const rename = want.needed && fileName !== name ? fileName : null;
    return { name, entry, location, rename, facts, ofLibc: false };
  }
  return libc || null;
}

interface Offer {
  entry: Entry;
  fileName: string;
  facts: Facts;
}

/**
 * Libraries that could be loaded under that name, the preferred one first: those with that name or, if there are none,
 * those that only have it as their soname.
 */
function offersFor(
  name: string,
  want: Want,
  member: Facts,
  kept: readonly Entry[],
  surroundings: Surroundings,
): Offer[][] {
  const { request, candidates, target, disk } = surroundings;
  // The loader looks for a name with a slash in that place only: it has to be needed without the slash.
  const fileName = basename(name);
  const from = disk.realPath(absolute(dirname(member.path)));
  const inDirectories = (entries: readonly Entry[]): Offer[] =>
    entries.flatMap((entry) => {
      const path = `${entry.directory}/${fileName}`;
      const facts = loadable(entry.directory, fileName, member, disk);
      return facts === null || isStub(path, disk.realPath(path))
        ? []
        : [{ entry, fileName, facts }];
    });
  const ofCandidates = (found: readonly Candidate[]): Offer[] =>
    found.flatMap(({ name: fileName, directory, facts }) => {
      const same = kept.find(
        (entry) => disk.realPath(entry.directory) === disk.realPath(directory),
      );
      const entry = same ?? entryTo(directory, member.path, { musl: target.musl, disk });
      if (entry === null) want.unreachable.push(directory);
      return entry === null ? [] : [{ entry, fileName, facts }];
    });
  const fits = ({ facts }: { facts: Facts }) =>
    sameMachine(facts, member) &&
    osAbisFit(member.osAbi, facts.osAbi) &&
    libcFits(facts, target.musl);
  const added = request.appendRpaths.map((text) => entryOf(text, member.path));
  const ofThatName = [
    ...inDirectories(kept).filter(fits),
    ...ofCandidates(candidates.named(fileName, from).filter(fits)),
    ...inDirectories(added).filter(fits),
  ];
  // What is declared as missing comes with the system, which would not find it under another name.
  const mayBeRenamed =
    want.needed &&
    !request.ignoreMissing.some((pattern) => !/^\*+$/.test(pattern) && fnmatch(pattern)(fileName));
  return [
    ofThatName,
    mayBeRenamed ? ofCandidates(candidates.callingThemselves(fileName, from).filter(fits)) : [],
  ];
}

/** How badly a library fits: 0 means well; the first of the least bad ones is used. */
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

/** Versions that a file needs from the target's libc but which that does not define. */
function lackingOfLibc(facts: Facts, { target, disk }: Surroundings): string[] {
  return facts.versionsNeeded.flatMap(({ library }) => {
    const libc = disk.facts(join(target.libcDirectory, library));
    return libc === null ? [] : lacking(versionsOf(library, facts), libc);
  });
}

function planFile(
  facts: Facts,
  wants: Want[],
  opened: readonly Entry[],
  surroundings: Surroundings,
): FilePlan {
  const { request, target, disk, openers } = surroundings;
  const isProgram = facts.interpreter !== null;
  const provisions = wants.flatMap(({ provision }) => provision ?? []);
  const provided = [...provisions.flatMap(({ entry }) => entry ?? []), ...opened];
  const before = isProgram || openers.has(facts.path) ? request.runtimeDependencies : [];
  const added = [...before, ...request.appendRpaths];
  const plan = {
    ...nothing(facts),
    interpreter: isProgram ? target.interpreter : null,
    wants,
    renamings: provisions.flatMap(({ name, rename }) =>
      rename === null ? [] : [{ from: name, to: rename }],
    ),
    warnings: warningsOf(facts, wants, surroundings),
  };
  if (added.length === 0 && provided.length === 0) return plan;
  const kept = keptEntries(facts, surroundings);
  const entries = [
    ...before.map((text) => entryOf(text, facts.path)),
    ...kept,
    ...provided,
    ...request.appendRpaths.map((text) => entryOf(text, facts.path)),
  ];
  const aims = aimsOf(facts, provisions, target);
  const { order, conflicts } = inLoadOrder(unique(entries), aims, facts, disk);
  const passedBy = conflicts.map(
    ({ aim, taken }) => `${aim.name} is taken from ${taken.text}, which comes first`,
  );
  const written = request.relativizeRpath
    ? order.map((entry) => relativized(entry, facts.path, request.paths, disk))
    : order;
  return {
    ...plan,
    searchPath: unique(written).map(({ text }) => text),
    // Libraries that it loads may be found through what it passes on, which a RUNPATH would not do.
    searchPathTag: kept.length > 0 ? currentSearchPath(facts).tag : "runpath",
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

function warningsOf(facts: Facts, wants: readonly Want[], surroundings: Surroundings): string[] {
  const lost = wants.flatMap(({ provision, unreachable }) => (provision ? [] : unreachable));
  const warnings = [...new Set(lost)].map(
    (directory) => `no search path can name ${directory}: it would be split at the colon`,
  );
  if (facts.notes.dlopen.some((text) => parseDlopenNote(text) === null))
    warnings.push("its .note.dlopen is not what the specification says, and was passed over");
  for (const { provision } of wants) {
    if (provision === null || provision.facts === null) continue;
    const { name, ofLibc, location } = provision;
    const missing = lacking(versionsOf(name, facts), provision.facts);
    const directory = ofLibc ? surroundings.target.libcDirectory : location;
    if (missing.length > 0)
      warnings.push(`${name} in ${directory} does not define ${missing.join(", ")}`);
  }
  return warnings;
}
