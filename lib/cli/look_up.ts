// What fixelf find does, in one module that is loaded when it runs.
import { FixelfError } from "../base/errors.js";
import { indexOptions } from "../base/options.js";
import { thisMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { type Answer, findText } from "../report/find.js";
import { Store } from "../store/context.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";
import type { Needing } from "../store/nixpkgs/rank.js";
import { libraryOfVersion, sinceRelease } from "../store/nixpkgs/symbol_versions.js";
import { placeOf } from "../store/place.js";
import { askedNames } from "./asked_names.js";
import { exitCodes, run, untilInterrupted } from "./command.js";
import { type GetFlags, getDocument } from "./get.js";
import { commonOptions } from "./options.js";

export interface FindFlags extends GetFlags {
  symbolVersion?: string;
}

export async function lookUp(names: string[], flags: FindFlags): Promise<void> {
  await run(flags, async (output) => {
    const { colors, print } = output;
    const options = commonOptions(flags);
    const questions = questionsOf(names, flags.symbolVersion);
    const lookAll = async () => {
      const store = new Store(placeOf(options), indexOptions(options));
      const found: Answer[][] = [];
      for (const question of questions) found.push(await answersTo(question, store));
      return found;
    };
    const first = await lookAll();
    const getting = flags.get
      ? new (await import("./getting.js")).Getting(flags, output, untilInterrupted())
      : null;
    const found = getting === null ? first : await getting.until(first, missingOf, lookAll);
    if (found === null) return exitCodes.findings;
    const keyOf = ({ soname, version }: Answer) => JSON.stringify([soname, version]);
    const answers = [...new Map(found.flat().map((each) => [keyOf(each), each])).values()];
    const document = answers.map(({ soname, version, providers, packages }) => ({
      soname,
      ...(version !== undefined && { symbolVersion: version }),
      providers: providers.map(({ path, storePath, reasons }) => ({ path, storePath, reasons })),
      packages,
      ...sinceOf(version),
    }));
    print("find", { sonames: document, ...getDocument(getting) }, () => findText(answers, colors));
    getting?.sayWhatKeeps();
    const all = found.every((each) => !each.every(isAbsent));
    return all ? exitCodes.good : exitCodes.findings;
  });
}

/** For this machine: the program that needs it was not given. */
function missingOf(found: readonly (readonly Answer[])[]): MissingLibrary[] {
  const answers = found.filter((each) => each.every(isAbsent)).flat();
  const system = nixSystem(thisMachine());
  return answers.map(({ soname, version, packages }) => {
    const versions = version === undefined ? [] : [version];
    return { soname, system, versions, packages: [...packages] };
  });
}

function needing(soname: string, version: string | undefined): Needing {
  const versions = version === undefined ? [] : [{ name: version, weak: false }];
  return { ...thisMachine(), versionsNeeded: [{ library: soname, versions }] };
}

function isAbsent({ providers }: Answer): boolean {
  return providers.length === 0;
}

interface Question {
  /** As it was given. */
  name: string;
  /** The symbol version that the library has to define. */
  version: string | undefined;
}

/**
 * A symbol version, as loaders print it, stands for its library.
 * @param version what all the named libraries have to define; without names, it stands for its library
 * @throws FixelfError `usage` if a name is missing
 */
function questionsOf(names: readonly string[], version: string | undefined): Question[] {
  if (version === "") throw new FixelfError("usage", "--symbol-version is empty");
  if (names.length > 0)
    return [...new Set(names)].map((name) => {
      const soname = libraryOfVersion(name);
      return soname === null ? { name, version } : { name: soname, version: name };
    });
  const soname = version === undefined ? null : libraryOfVersion(version);
  if (soname !== null) return [{ name: soname, version }];
  const what = version === undefined ? "a library" : `the library that defines ${version}`;
  throw new FixelfError("usage", `name ${what}: fixelf find NAME`);
}

function sinceOf(version: string | undefined): { since?: string } {
  const since = version === undefined ? null : sinceRelease(version);
  return since === null ? {} : { since };
}

async function answersTo({ name: asked, version }: Question, store: Store): Promise<Answer[]> {
  const wanted = version === undefined ? undefined : { ...thisMachine(), versions: [version] };
  const found = await store.providers(await askedNames(asked, store), wanted);
  // A library has other names too, "libz.so" for the linker, "libz.so.1.3.1"; programs need it by its soname.
  const sonames = [...found].filter(
    ([name, { providers }]) =>
      name === asked || providers.some(({ facts }) => facts.soname === name),
  );
  const answers = sonames.length > 0 ? sonames : [...found];
  return Promise.all(
    answers.map(async ([soname, { providers, rejected }]) => ({
      soname,
      version,
      providers,
      rejected,
      packages:
        providers.length === 0 ? await store.packages(soname, needing(soname, version)) : [],
      ...sinceOf(version),
    })),
  );
}
