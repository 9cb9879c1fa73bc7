// What has to be there for a program, and for what it will start or load.
import { native } from "../addon/native.js";
import { realpath } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { storeFor } from "../choose/choice.js";
import {
  type Environment,
  type EnvironmentOptions,
  type EnvironmentProgram,
  environment,
  environmentBeside,
  type SystemEnvironment,
} from "../environment/environment.js";
import { linesOfPassedOver } from "../environment/passed_over.js";
import { interpreterAt, isLoader } from "../file/interpreter.js";
import { nixSystem } from "../file/nix_system.js";
import type { Store } from "../store/context.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";
import { inStore, storePathOf } from "../store/place.js";
import type { Running, RunOptions } from "./start.js";
import { targetOf } from "./target.js";

type Served = "file" | "facts" | "isNeedy" | "loaderPlaces" | "ownLoader" | "findable";

export interface Needs extends Pick<Running, Served> {
  /** null if nothing is needed. */
  environment: SystemEnvironment | null;
  /** Which of the things that it will start or load cannot be helped, one sentence each. */
  unserved: string[];
}

export interface NeedsOptions {
  /** What it will start or load. */
  others: readonly string[];
  /** What it starts is unknown, and should find a loader in any case. */
  startsAnything: boolean;
  choice: EnvironmentOptions;
}

/**
 * @param path the program
 * @throws FixelfError for the program itself, and if one of `others` does not exist
 */
export async function needsOf(
  path: string,
  store: Store,
  { others, startsAnything, choice }: NeedsOptions,
): Promise<Needs> {
  const own = await environment([path], choice);
  refuse(own.problems);
  const file = await realpath(path);
  const facts = await native.inspect(file);
  if (facts.type === "shared-library" || facts.type === "relocatable" || facts.type === "core")
    throw new FixelfError("unsupported", `${path}: it is not a program (${facts.type})`, { path });
  const [program] = own.programs;
  const isNeedy = program !== undefined && !program.runsAsItIs;
  const found =
    others.length === 0
      ? own
      : isNeedy
        ? await environment([path, ...others], choice)
        : await environmentFor(others, program, choice);
  const isSame = ({ system }: SystemEnvironment) => system === nixSystem(facts);
  // What cannot be served together with the program must not take anything away from it.
  const served = isNeedy && !found.systems.some(isSame) ? own : found;
  const hasLibraries = program !== undefined && (choice.libraryDirectories ?? []).length > 0;
  const system =
    served.systems.find(isSame) ?? (isNeedy || hasLibraries ? undefined : served.systems[0]);
  const needs: Needs = {
    file,
    facts,
    isNeedy,
    environment: system ?? null,
    loaderPlaces: system === undefined ? [] : loaderPlaces(served.programs, system),
    ownLoader: null,
    findable: [...(choice.libraryDirectories ?? []), ...others],
    unserved: linesOfPassedOver([
      ...found.problems
        .filter((each) => each.path !== path)
        .map((each) => ({ path: each.path, why: each.message })),
      ...found.passedOver,
      ...ofOtherSystems(found, system?.system ?? nixSystem(facts)),
    ]),
  };
  if (program !== undefined && !isNeedy && needs.findable.length > 0) {
    const loader = await realpath(program.interpreter);
    const isOfAll = system === undefined || (await realpath(system.loader)) === loader;
    // Other loaders on this machine are not ours to change, nor is what they read.
    if (isOfAll && inStore(loader, store.place.store)) {
      needs.ownLoader = loader;
      needs.environment ??= loaderAlone(program.interpreter, program.system, store);
    } else if ((choice.libraryDirectories ?? []).length > 0) {
      const message = `${path}: its loader, ${loader}, is none of the store's, and can't be told where libraries are; LD_LIBRARY_PATH can`;
      throw new FixelfError("unsupported", message, { path });
    }
  }
  if (!startsAnything || needs.loaderPlaces.length > 0) return needs;
  const usual = await usualLoader(store);
  if (needs.environment === null) return { ...needs, ...usual };
  // Everything in a namespace shares one loader.
  const { libc } = needs.environment;
  return { ...needs, loaderPlaces: libc === "glibc" ? (usual?.loaderPlaces ?? []) : [] };
}

/**
 * What no store path has, of everything that a program and what it will load or start need.
 * @param named as for `planRun`
 */
export async function missingFor(
  named: string,
  { with: others = [], how: _how, fhs: _fhs, ...choice }: RunOptions,
): Promise<MissingLibrary[]> {
  const { path, starts } = await targetOf(named, storeFor(choice));
  const { problems } = await environment([path, ...starts, ...others], choice);
  return problems.flatMap(({ missing = [] }) => missing);
}

function refuse([problem]: Environment["problems"]): void {
  if (problem === undefined) return;
  const { code, message, path } = problem;
  throw new FixelfError(code, `${path}: ${message}`, { path });
}

/**
 * With the loader of the program that loads them, unless another one serves more of them: then they are used together.
 */
async function environmentFor(
  others: readonly string[],
  program: EnvironmentProgram | undefined,
  choice: EnvironmentOptions,
): Promise<Environment> {
  if (program === undefined || choice.interpreter !== undefined) return environment(others, choice);
  const beside = await environmentBeside(program.interpreter, others, choice);
  if (beside.problems.length === 0) return beside;
  const free = await environment(others, choice);
  return free.problems.length < beside.problems.length ? free : beside;
}

/** Programs that need something other than what is there: a process sees one list of libraries, for one machine. */
function ofOtherSystems({ programs }: Environment, present: string): Environment["passedOver"] {
  return programs
    .filter(({ runsAsItIs, system }) => !runsAsItIs && system !== present)
    .map(({ path, system }) => ({
      path,
      why: `it is for ${system}, and what is there is for ${present}; run it by itself`,
    }));
}

/** Where those that do not run name their loader, each location once. */
function loaderPlaces(
  programs: readonly EnvironmentProgram[],
  { system }: SystemEnvironment,
): Running["loaderPlaces"] {
  const needy = programs.filter((each) => !each.runsAsItIs && each.system === system);
  const places = new Map(needy.map((each) => [each.interpreter, each.atInterpreter === "loader"]));
  return [...places].map(([place, taken]) => ({ place, taken }));
}

/** The best loader, at the path where programs built elsewhere look for it, if nothing is there. */
async function usualLoader(
  store: Store,
): Promise<Pick<Needs, "environment" | "loaderPlaces"> | undefined> {
  const loader = (await store.loaders()).find(({ chosen }) => chosen);
  if (loader === undefined) return undefined;
  const place = native.usualInterpreter(loader.path);
  if (place === "" || isLoader(interpreterAt(place, new native.Files("")).kind)) return undefined;
  return {
    environment: loaderAlone(loader.path, nixSystem(loader), store),
    loaderPlaces: [{ place, taken: false }],
  };
}

function loaderAlone(loader: string, system: string, store: Store): SystemEnvironment {
  const storePath = storePathOf(loader, store.place.store);
  return {
    system,
    own: true,
    loader,
    libc: "glibc",
    directories: [],
    libraries: [],
    missing: [],
    storePaths: storePath === null ? [] : [storePath],
    reasons: [],
  };
}
