// dlopen-library-missing: a library that is named in the program's data, though not among the ones
// that its loader has to find. Such a name may be one that the program opens while it runs (dlopen),
// one of several that it tries, or just a text; so this makes no program broken.
import { basename, dirname, join } from "node:path";
import type { Facts, Resolution } from "../facts.js";
import { native } from "../native.js";
import { fixelfCommand } from "../shell.js";
import type { Subject } from "../subject.js";
import type { Circumstances } from "./circumstances.js";
import type { Finding } from "./finding.js";

const mostShown = 12;

export async function dlopenFindings(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const request = { store: circumstances.place.store, hashes: "" };
  // Of a file that is written to meanwhile nothing is guessed.
  const searched = await native.search(subject.host, request).catch(() => null);
  const mentions = searched?.mentions ?? [];
  const known = new Set([
    ...resolution.libraries.map(({ soname }) => soname),
    ...resolution.libraries.flatMap(({ path }) => (path === null ? [] : [basename(path)])),
    ...facts.versionsNeeded.map(({ library }) => library),
    ...circumstances.tree.subjects.map(({ path }) => basename(path)),
    facts.soname,
  ]);
  // Of what is loaded anyway, another version is no second thing to look for.
  const stems = new Set([...known].map(stemOf));
  const directories = searchedDirectories(subject, facts, resolution, circumstances);
  const missing = mentions.filter(
    ({ kind, text }) =>
      kind === "soname" &&
      // Without a version it is as often a name for linkers, or of a part that may be added.
      /\.so\.\d/.test(text) &&
      !stems.has(stemOf(text)) &&
      !directories.some((directory) => isThere(join(directory, text), circumstances)),
  );
  if (missing.length === 0) return [];
  const names = missing.map(({ text }) => text);
  const shown = names.slice(0, mostShown).join(", ");
  const rest = names.length > mostShown ? ` and ${names.length - mostShown} more` : "";
  return [
    {
      code: "dlopen-library-missing",
      message: `it may want to open ${shown}${rest} while it runs, and no directory that its loader searches has ${names.length === 1 ? "it" : "them"}`,
      evidence: missing
        .slice(0, mostShown)
        .map(({ text, offset }) => `${text} stands in its data, at byte ${offset}`),
      remedy: `None, unless something of it does not work; then see which store path has it: ${fixelfCommand("find", names[0] as string, circumstances.options)}`,
    },
  ];
}

/** Where dlopen looks for a name without a slash, and where it has found the others. */
function searchedDirectories(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  { options }: Circumstances,
): string[] {
  const origin = dirname(subject.path);
  const named = [facts.runpath, facts.rpath, options.libraryPath]
    .flatMap((list) => list?.split(":") ?? [])
    .filter((directory) => directory !== "")
    .map((directory) => directory.replace(/\$ORIGIN\b|\$\{ORIGIN\}/g, origin));
  const all = [
    ...named,
    ...resolution.defaultDirectories,
    // What ld.so.cache led to.
    ...resolution.libraries.flatMap(({ path }) => (path === null ? [] : [dirname(path)])),
    origin,
  ];
  return [...new Set(all)];
}

/** "libz" of "libz.so.1". */
function stemOf(name: string | null): string | undefined {
  return name?.split(".so", 1)[0];
}

function isThere(path: string, { files }: Circumstances): boolean {
  return files.look(path).state === "elf";
}
