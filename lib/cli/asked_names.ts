// The names of libraries that are asked for, as people have them: "libz.so.1", "libz", "zlib", "libicu*.so.7?".
import type { Store } from "../store/context.js";
import { rowsFrom, rowsOfAttribute } from "../store/nixpkgs/table.js";

/**
 * What is looked up for a name. One with ".so" is taken as it is. Of another, and of a pattern, it is what the
 * store has; where it has nothing, what nixpkgs is known to have; else the name itself.
 */
export async function askedNames(asked: string, store: Store): Promise<string[]> {
  const isPattern = /[*?[{]/.test(asked);
  if (!isPattern && /\.so(\.|$)/.test(asked)) return [asked];
  const names = isPattern ? await matching(asked, store) : await called(asked, store);
  names.sort((one, two) => one.localeCompare(two, "en", { numeric: true }));
  return names.length > 0 ? names : [asked];
}

async function matching(pattern: string, store: Store): Promise<string[]> {
  const { glob } = await import("../scan/glob.js");
  const beginning = /^[^*?[{\\]*/.exec(pattern)?.[0] ?? "";
  return known(beginning, glob(pattern), store);
}

/** By the library's name, with or without "lib", or by its package's. */
async function called(word: string, store: Store): Promise<string[]> {
  for (const stem of word.startsWith("lib") ? [`${word}.so`] : [`lib${word}.so`, `${word}.so`]) {
    const isIt = (name: string) => name === stem || name.startsWith(`${stem}.`);
    const names = await known(stem, isIt, store);
    if (names.length > 0) return names;
  }
  return rowsOfAttribute(word).map(({ soname }) => soname);
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
