// Which libraries a process may open while it runs, as far as its files tell: by notes that their authors wrote
// (.note.dlopen, https://systemd.io/ELF_DLOPEN_METADATA/), and by names in the program's data, which may be something
// else entirely.
import { basename, dirname, join } from "node:path";
import type { Resolution } from "../addon/facts.js";
import { native } from "../addon/native.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { type Machine, sameMachine } from "../file/machine.js";
import { currentSearchPath, withoutOrigin } from "../file/search_path.js";
import type { Subject } from "../file/tree.js";
import type { LoadedObject } from "../judge/loaded.js";
import type { Circumstances } from "./circumstances.js";

export interface DlopenNote {
  /** Alternatives, the best first. */
  sonames: string[];
  /** `required`: without it the file does not do what it is meant to. */
  priority: "required" | "recommended" | "suggested";
  feature: string | null;
  description: string | null;
  /** The file that has the note. */
  path: string;
}

export interface NamedInData {
  soname: string;
  /** Bytes from the beginning of the file. */
  offset: number;
}

export interface DlopenCandidates {
  notes: DlopenNote[];
  named: NamedInData[];
  /** Where dlopen would look for a name without a slash. */
  directories: string[];
  /** The only machine whose libraries dlopen accepts. */
  machine: Machine;
}

export async function dlopenCandidates(
  subject: Subject,
  machine: Machine,
  resolution: Resolution,
  objects: readonly LoadedObject[],
  circumstances: Circumstances,
): Promise<DlopenCandidates> {
  return {
    notes: objects.flatMap(({ path, facts }) =>
      facts.notes.dlopen.flatMap((text) => parseNote(text, path)),
    ),
    named: await namesInData(subject, resolution, objects, circumstances),
    directories: searchedDirectories(resolution, objects, circumstances),
    machine,
  };
}

/** One note: a JSON array of objects. Anything that does not look like one is ignored. */
export function parseNote(text: string, path: string): DlopenNote[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/\0+$/, ""));
  } catch {
    return [];
  }
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((entry: unknown): DlopenNote[] => {
    const { soname, priority, feature, description } = (entry ?? {}) as Record<string, unknown>;
    const sonames = Array.isArray(soname) ? soname.filter((name) => typeof name === "string") : [];
    if (sonames.length === 0) return [];
    return [
      {
        sonames,
        // The specification's default.
        priority: priority === "required" || priority === "suggested" ? priority : "recommended",
        feature: typeof feature === "string" ? feature : null,
        description: typeof description === "string" ? description : null,
        path,
      },
    ];
  });
}

/** Bytes: a larger file is not read from end to end for the sake of a guess. */
const mostSearched = 256 << 20;

async function namesInData(
  subject: Subject,
  resolution: Resolution,
  objects: readonly LoadedObject[],
  { place, tree }: Circumstances,
): Promise<NamedInData[]> {
  if ((objects[0]?.facts.size ?? 0) > mostSearched) return [];
  const request = { store: place.store, hashes: "" };
  // Nothing is guessed about a file that is being written to.
  const searched = await native.search(subject.host, request).catch(unlessOfTheMoment(null));
  const [own] = objects;
  const known = [
    ...resolution.libraries.map(({ soname }) => soname),
    ...objects.map(({ path }) => basename(path)),
    ...(own?.facts.versionsNeeded.map(({ library }) => library) ?? []),
    ...tree.subjects.map(({ path }) => basename(path)),
    ...(own?.facts.soname ? [own.facts.soname] : []),
  ];
  // If a library is loaded anyway, other versions of it are not looked for.
  const stems = new Set(known.map(stemOf));
  return (searched?.mentions ?? [])
    .filter(
      ({ kind, text }) =>
        kind === "soname" &&
        // Without a version, it is just as often a name for linkers, or of an optional component.
        /\.so\.\d/.test(text) &&
        !stems.has(stemOf(text)),
    )
    .map(({ text, offset }) => ({ soname: text, offset }));
}

/** Includes where the others were found, to which ld.so.cache led. */
function searchedDirectories(
  resolution: Resolution,
  objects: readonly LoadedObject[],
  { options }: Circumstances,
): string[] {
  const named = objects.flatMap(({ path, facts }) =>
    // DT_RPATH is ignored if there is a DT_RUNPATH (elf/dl-load.c, decompose_rpath).
    currentSearchPath(facts).entries.map((entry) => withoutOrigin(entry, path)),
  );
  const all = [
    ...named,
    ...(options.libraryPath?.split(":") ?? []),
    ...resolution.defaultDirectories,
    ...objects.map(({ path }) => dirname(path)),
  ];
  return [...new Set(all)].filter((directory) => directory !== "");
}

/** "libz" of "libz.so.1". */
function stemOf(name: string): string {
  return name.split(".so", 1)[0] as string;
}

/**
 * Whether one of the directories has it; libraries for other machines are passed over (glibc elf/dl-load.c,
 * open_verify).
 */
export function isFound(
  soname: string,
  { directories, machine }: DlopenCandidates,
  { files }: Circumstances,
): boolean {
  const isLibrary = (path: string) => {
    const { facts } = files.look(path);
    return facts !== null && sameMachine(facts, machine);
  };
  if (soname.includes("/")) return isLibrary(soname);
  return directories.some((directory) => isLibrary(join(directory, soname)));
}
