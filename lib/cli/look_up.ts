// What fixelf find does, all in one piece: it is loaded when it runs.
import { findText } from "../report/find.js";
import { Store } from "../store/context.js";
import { storePlace } from "../store/place.js";
import { exitCodes, run } from "./command.js";
import { commonOptions, type SharedFlags } from "./options.js";

export async function lookUp(sonames: string[], flags: SharedFlags): Promise<void> {
  await run(flags, async ({ colors, print }) => {
    const options = commonOptions(flags);
    const store = new Store(storePlace(options), options);
    const found = await store.providers(sonames);
    const answers = await Promise.all(
      [...found].map(async ([soname, { providers, rejected }]) => ({
        soname,
        providers,
        rejected,
        packages: providers.length === 0 ? await store.packages(soname) : [],
      })),
    );
    const document = answers.map(({ soname, providers, packages }) => ({
      soname,
      providers: providers.map(({ path, storePath, reasons }) => ({ path, storePath, reasons })),
      packages,
    }));
    print("find", { sonames: document }, () => findText(answers, colors));
    return answers.every(({ providers }) => providers.length > 0)
      ? exitCodes.good
      : exitCodes.findings;
  });
}
