// What fixelf find does, all in one piece: it is loaded when it runs.
import { type Answer, findText } from "../report/find.js";
import { Store } from "../store/context.js";
import { storePlace } from "../store/place.js";
import { askedNames } from "./asked_names.js";
import { exitCodes, run } from "./command.js";
import { commonOptions, type SharedFlags } from "./options.js";

export async function lookUp(names: string[], flags: SharedFlags): Promise<void> {
  await run(flags, async ({ colors, print }) => {
    const options = commonOptions(flags);
    const store = new Store(storePlace(options), options);
    const found = new Map<string, Answer[]>();
    for (const asked of new Set(names)) found.set(asked, await answersTo(asked, store));
    const answers = new Map([...found.values()].flat().map((each) => [each.soname, each]));
    const document = [...answers.values()].map(({ soname, providers, packages }) => ({
      soname,
      providers: providers.map(({ path, storePath, reasons }) => ({ path, storePath, reasons })),
      packages,
    }));
    print("find", { sonames: document }, () => findText([...answers.values()], colors));
    const isThere = ({ providers }: Answer) => providers.length > 0;
    const all = [...found.values()].every((each) => each.some(isThere));
    return all ? exitCodes.good : exitCodes.findings;
  });
}

async function answersTo(asked: string, store: Store): Promise<Answer[]> {
  const found = await store.providers(await askedNames(asked, store));
  // A library has further names, "libz.so" for the linker, "libz.so.1.3.1"; programs need it by its soname.
  const sonames = [...found].filter(
    ([name, { providers }]) =>
      name === asked || providers.some(({ facts }) => facts.soname === name),
  );
  const answers = sonames.length > 0 ? sonames : [...found];
  return Promise.all(
    answers.map(async ([soname, { providers, rejected }]) => ({
      soname,
      providers,
      rejected,
      packages: providers.length === 0 ? await store.packages(soname) : [],
    })),
  );
}
