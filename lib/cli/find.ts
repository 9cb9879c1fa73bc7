// fixelf find: which store path provides a soname.
import type { Command } from "commander";
import { commonOptions, type SharedFlags, withShared } from "./options.js";
import { exitCodes, run } from "./run.js";

export function define(program: Command): void {
  withShared(
    program
      .command("find")
      .description("find the store paths that provide libraries, the best first")
      .argument("<soname...>", "names of libraries, as programs need them"),
    "fixelf find libcrypt.so.1",
  ).action(find);
}

async function find(sonames: string[], flags: SharedFlags): Promise<void> {
  await run(flags, async ({ colors, print }) => {
    const [{ Store }, { storePlace }, { findText }] = await modules();
    const options = commonOptions(flags);
    const store = new Store(storePlace(options), options);
    const found = await store.providers(sonames);
    const answers = [...found].map(([soname, { providers }]) => ({
      soname,
      providers: providers.map(({ path, storePath, reasons }) => ({ path, storePath, reasons })),
    }));
    print("find", { sonames: answers }, () => findText(found, colors));
    return answers.every(({ providers }) => providers.length > 0)
      ? exitCodes.good
      : exitCodes.findings;
  });
}

/** What a find is made of; asked for early, it loads while the rest does. */
const modules = () =>
  Promise.all([
    import("../store/context.js"),
    import("../store/place.js"),
    import("../report/find.js"),
  ]);

/**
 * Runs it without the parser of all commands, which takes longer than finding; false where the words
 * need that parser: for help, mistakes, and other ways to write options.
 */
export async function findAtOnce(words: readonly string[]): Promise<boolean> {
  const sonames: string[] = [];
  const flags: SharedFlags = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const next = words[at + 1];
    if (word === "--json") flags.json = true;
    else if (word === "--no-index") flags.index = false;
    else if (word === "--color") flags.color = true;
    else if (word === "--no-color") flags.color = false;
    else if (isPlaceFlag(word) && next !== undefined && !next.startsWith("-")) {
      flags[placeFlags[word]] = next;
      at++;
    } else if (word.startsWith("-") || word === "") return false;
    else sonames.push(word);
  }
  if (sonames.length === 0) return false;
  await find(sonames, flags);
  return true;
}

const placeFlags = { "--root": "root", "--store": "store", "--system": "system" } as const;

function isPlaceFlag(word: string): word is keyof typeof placeFlags {
  return Object.hasOwn(placeFlags, word);
}
