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

export async function find(sonames: string[], flags: SharedFlags): Promise<void> {
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
