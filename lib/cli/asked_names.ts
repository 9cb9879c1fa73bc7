// The library names to look up, in the forms that people use: "libz.so.1", "libz", "zlib", "libicu*.so.7?".
import { basename } from "node:path";
import type { Store } from "../store/context.js";
import { rowsFrom, rowsOfAttribute } from "../store/nixpkgs/table.js";

/**
 * What to look up for a name; for a path, which is what ldd and loaders print, for its last part. A soname is used as
 * it is, or as the store or nixpkgs have it in different case. Any other name, or a pattern, stands for what matches in
 * the store; failing that, for what nixpkgs is known to have; failing that, for itself.
 */
export async function askedNames(name: string, store: Store): Promise<string[]> {
  const isPattern = /[*?[{]/.test(name);
  const asked = isPattern ? name : basename(name);
  const isSoname = !isPattern && /\.so(\.|$)/i.test(asked);
  if (isSoname && (await known(asked, (each) => each === asked, store)).length > 0) return [asked];
  const alike = isSoname ? inAnyCase : called;
  const names = await (isPattern ? matching : alike)(asked, store);
  names.sort((one, two) => one.localeCompare(two, "en", { numeric: true }));
  return names.length > 0 ? names : [asked];
}

async function matching(pattern: string, store: Store): Promise<string[]> {
  const { glob } = await import("../scan/glob.js");
  const beginning = /^[^*?[{\\]*/.exec(pattern)?.[0] ?? "";
  return known(beginning, glob(pattern), store);
}

/** By the library's name, with or without "lib", or its package's name; as written, or in different case. */
async function called(word: string, store: Store): Promise<string[]> {
  const stems = /^lib/i.test(word) ? [`${word}.so`] : [`lib${word}.so`, `${word}.so`];
  for (const stem of stems) {
    const names = await known(stem, isCalled(stem), store);
    if (names.length > 0) return names;
  }
  const exact = rowsOfAttribute(word);
  if (exact.length > 0) return exact.map(({ soname }) => soname);
  for (const stem of stems.map((each) => each.toLowerCase())) {
    const isIt = isCalled(stem);
    const names = await known("", (name) => isIt(name.toLowerCase()), store);
    if (names.length > 0) return names;
  }
  const isIt = (attribute: string | null) => attribute?.toLowerCase() === word.toLowerCase();
  return rowsFrom("").flatMap(({ soname, attribute, formerly }) =>
    isIt(attribute) || isIt(formerly) ? [soname] : [],
  );
}

async function inAnyCase(soname: string, store: Store): Promise<string[]> {
  return known("", (name) => name.toLowerCase() === soname.toLowerCase(), store);
}

function isCalled(stem: string): (name: string) => boolean {
  return (name) => name === stem || name.startsWith(`${stem}.`);
}

async function known(
  beginning: string,
  isAsked: (name: string) => boolean,
  store: Store,
): Promise<string[]> {
  const stored = (await store.libraryNames(beginning)).filter(isAsked);
  if (stored.length > 0) return stored;
  return rowsFrom(beginning)
    .map(({ soname }) => soname)
    .filter(isAsked);
}
