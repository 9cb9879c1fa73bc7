// What fixelf find does, all in one piece: it is loaded when it runs.
import { FixelfError } from "../base/errors.js";
import { thisMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { type Answer, findText } from "../report/find.js";
import { Store } from "../store/context.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";
import type { Needing } from "../store/nixpkgs/rank.js";
import { libraryOfVersion, sinceRelease } from "../store/nixpkgs/symbol_versions.js";
import { storePlace } from "../store/place.js";
import { askedNames } from "./asked_names.js";
import { exitCodes, run, untilInterrupted } from "./command.js";
import type { FindFlags } from "./find.js";
import { getDocument } from "./get.js";
import { commonOptions } from "./options.js";

export async function lookUp(names: string[], flags: FindFlags): Promise<void> {
  await run(flags, async (output) => {
    const { colors, print } = output;
    const options = commonOptions(flags);
    const wanted = new Set(names.length > 0 ? names : [libraryOf(flags.symbolVersion)]);
    const lookAll = async () => {
      const store = new Store(storePlace(options), options);
      const found = new Map<string, Answer[]>();
      for (const asked of wanted) found.set(asked, await answersTo(asked, store, flags));
      return found;
    };
    const first = await lookAll();
    const getting = flags.get
      ? new (await import("./getting.js")).Getting(flags, output, untilInterrupted())
      : null;
    const missing = (answer: typeof first) => missingOf(answer, flags);
    const found = getting === null ? first : await getting.until(first, missing, lookAll);
    if (found === null) return exitCodes.findings;
    const answers = new Map([...found.values()].flat().map((each) => [each.soname, each]));
    const document = [...answers.values()].map(({ soname, providers, packages, since }) => ({
      soname,
      providers: providers.map(({ path, storePath, reasons }) => ({ path, storePath, reasons })),
      packages,
      ...(since !== null && { since }),
    }));
    print("find", { sonames: document, ...getDocument(getting) }, () =>
      findText([...answers.values()], colors),
    );
    getting?.sayWhatKeeps();
    const all = [...found.values()].every((each) => !each.every(isAbsent));
    return all ? exitCodes.good : exitCodes.findings;
  });
}

/** For this machine: nobody said what program it is for. */
function missingOf(
  found: ReadonlyMap<string, readonly Answer[]>,
  { symbolVersion }: FindFlags,
): MissingLibrary[] {
  const answers = [...found.values()].filter((each) => each.every(isAbsent)).flat();
  const system = nixSystem(thisMachine());
  const versions = symbolVersion === undefined ? [] : [symbolVersion];
  return answers.map(({ soname, packages }) => ({
    ...{ soname, system, versions, packages: [...packages] },
  }));
}

function needing(soname: string, version: string | undefined): Needing {
  const versions = version === undefined ? [] : [{ name: version, weak: false }];
  return { ...thisMachine(), versionsNeeded: [{ library: soname, versions }] };
}

function isAbsent({ providers }: Answer): boolean {
  return providers.length === 0;
}

/** @throws FixelfError `usage` where it has to be named */
function libraryOf(version: string | undefined): string {
  const soname = version === undefined ? null : libraryOfVersion(version);
  if (soname !== null) return soname;
  const what = version === undefined ? "a library" : `the library that defines ${version}`;
  throw new FixelfError("usage", `name ${what}: fixelf find NAME`);
}

async function answersTo(
  asked: string,
  store: Store,
  { symbolVersion: version }: FindFlags,
): Promise<Answer[]> {
  const wanted = version === undefined ? undefined : { ...thisMachine(), versions: [version] };
  const found = await store.providers(await askedNames(asked, store), wanted);
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
      packages:
        providers.length === 0 ? await store.packages(soname, needing(soname, version)) : [],
      since: version === undefined ? null : sinceRelease(version),
    })),
  );
}
