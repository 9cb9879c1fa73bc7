// Which loader a program gets: it must match machine, class, byte order and libc, and its libc must define every version
// that the program and what comes with it need.

import type { Facts } from "../addon/facts.js";
import { FixelfError } from "../base/errors.js";
import { libcOf } from "../file/libc.js";
import { describeMachine, sameMachine } from "../file/machine.js";
import { compareVersions, isGlibcVersion } from "../file/versions.js";
import type { LoadingProgram } from "../judge/loading_program.js";
import type { Store } from "../store/context.js";
import type { Loader } from "../store/loaders.js";
import type { Member } from "./solve.js";

/** The versions of glibc itself that files need, excluding weak ones, each with a file that needs it. */
function glibcNeeds(all: readonly Member[]): Map<string, string> {
  const needs = new Map<string, string>();
  for (const { path, facts } of all) {
    for (const { versions } of facts.versionsNeeded) {
      for (const { name, weak } of versions) {
        // GLIBC_PRIVATE is for glibc's own parts, which come together anyway.
        if (!weak && isGlibcVersion(name)) needs.set(name, needs.get(name) ?? path);
      }
    }
  }
  return needs;
}

export interface LoaderChoice {
  loader: Pick<Loader, "path" | "definedVersions">;
  reason: string;
}

/** The loader of the program that loads the members: no other one is ever used. */
export async function loaderOf(
  { path, loader }: LoadingProgram,
  store: Store,
): Promise<LoaderChoice> {
  const known = (await store.loaders()).find((candidate) => candidate.path === loader);
  // If it is not from the store, the judge sees what its libc lacks.
  return {
    loader: known ?? { path: loader, definedVersions: [] },
    reason: `${path} loads it, and is started by this one`,
  };
}

/**
 * The loaders that could serve all of `members`, best first.
 * @throws FixelfError `unsolvable`, saying what no loader provides
 */
export async function suitableLoaders(
  members: readonly Member[],
  store: Store,
): Promise<LoaderChoice[]> {
  const first = members[0]?.facts;
  if (first === undefined) return [];
  const libc = libcOf(first);
  const needs = libc === "glibc" ? glibcNeeds(members) : new Map<string, string>();
  const ofMachine = (await store.loaders()).filter((loader) => sameMachine(loader, first));
  const ofLibc = ofMachine.filter((loader) => loader.libc === libc || loader.libc === "unknown");
  if (store.userLoader !== null) return namedByUser(store.userLoader, ofMachine, first);
  if (ofLibc.length === 0) {
    throw new FixelfError(
      "unsolvable",
      `no ${libc} loader for ${describeMachine(first)} is in the store; name one with --interpreter`,
    );
  }
  const lackingOf = ({ definedVersions }: Loader) =>
    [...needs.keys()].filter((version) => !definedVersions.includes(version));
  const choices = ofLibc
    .filter((loader) => lackingOf(loader).length === 0)
    .map((loader) => ({ loader, reason: loader.reason }));
  if (choices.length > 0) return choices;
  // The nearest one best shows which needs are excessive.
  const [nearest] = ofLibc.toSorted((one, two) => lackingOf(one).length - lackingOf(two).length);
  const lacking = nearest === undefined ? [] : lackingOf(nearest).sort(compareVersions);
  const newest = lacking.at(-1) ?? "";
  throw new FixelfError(
    "unsolvable",
    `no loader in the store is new enough: ${nearest?.path} lacks ${lacking.join(", ")}; ` +
      `${needs.get(newest)} needs ${newest}, so glibc ${newest.slice("GLIBC_".length)} or newer ` +
      `is needed (nix build nixpkgs/nixos-unstable#glibc)`,
  );
}

/** The user knows best: no other is used in its place, and the result is verified like any other. */
function namedByUser(path: string, loaders: readonly Loader[], facts: Facts): LoaderChoice[] {
  const loader = loaders.find((candidate) => candidate.path === path);
  if (loader === undefined) {
    throw new FixelfError("unsolvable", `${path} is not a loader for ${describeMachine(facts)}`, {
      path,
    });
  }
  const libc = libcOf(facts);
  if (loader.libc !== libc && loader.libc !== "unknown") {
    const message = `${path} is ${loader.libc}'s loader, and the program is for ${libc}`;
    throw new FixelfError("unsolvable", message, { path });
  }
  return [{ loader, reason: "named by the user" }];
}
