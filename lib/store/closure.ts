// Which store paths are certain to stay: those of the running system, and those that a GC root keeps.

import { rememberClosure, rememberedClosure } from "./index/nix_memory.js";
import type { FreshIndex } from "./index/refresh.js";
import type { Nix } from "./nix.js";
import { realPathIn, type StorePaths, type StorePlace, storePathOf } from "./place.js";
import type { GcRoot } from "./roots.js";

/** What keeps store paths from garbage collection. */
export interface Knowledge {
  /** The current system's closure; null when not known. */
  closure: StorePaths | null;
  /** What GC roots keep; null when not known. */
  rooted: StorePaths | null;
}

/** What Nix knows of the store, asked once and only when needed. */
export class StoreKnowledge {
  readonly #place: StorePlace;
  readonly #nix: Nix;
  readonly #index: () => Promise<FreshIndex | null>;
  #closure: Promise<StorePaths | null> | undefined;
  #rooted: Promise<StorePaths | null> | undefined;
  /** Why the closure or the rooted set is null. */
  readonly whyUnknown: { closure: string | null; rooted: string | null } = {
    closure: null,
    rooted: null,
  };

  /** Takes Nix's earlier answers from the index if there is one. @internal */
  constructor(place: StorePlace, nix: Nix, index: () => Promise<FreshIndex | null>) {
    this.#place = place;
    this.#nix = nix;
    this.#index = index;
  }

  /** The current system's closure. */
  closure(): Promise<StorePaths | null> {
    this.#closure ??= this.#readClosure();
    return this.#closure;
  }

  /** The closure of everything that a GC root keeps. */
  rooted(): Promise<StorePaths | null> {
    this.#rooted ??= this.#readRooted();
    return this.#rooted;
  }

  /** Both. */
  async all(): Promise<Knowledge> {
    // One after the other: Nix keeps only the last reason.
    const closure = await this.closure();
    return { closure, rooted: await this.rooted() };
  }

  async #readClosure(): Promise<StorePaths | null> {
    const { store, system } = this.#place;
    const real = await realPathIn(system, this.#place);
    const top = real === null ? null : storePathOf(real, store);
    if (top === null) {
      this.whyUnknown.closure =
        real === null ? `${system} is not there` : `${system} leads to ${real}, outside the store`;
      return null;
    }
    const paths = await this.#requisites([top]);
    if (paths === null) this.whyUnknown.closure = this.#nix.whyUnknown;
    return paths;
  }

  async #readRooted(): Promise<StorePaths | null> {
    const paths =
      (await this.#closureOf(await this.#nix.gcRootLinks())) ??
      (await this.#closureOf(await this.#nix.gcRoots()));
    if (paths === null) this.whyUnknown.rooted = this.#nix.whyUnknown;
    return paths;
  }

  async #closureOf(roots: readonly GcRoot[] | null): Promise<StorePaths | null> {
    if (roots === null) return null;
    const targets = roots.map(({ path }) => storePathOf(path, this.#place.store) ?? path);
    return this.#requisites([...new Set(targets)]);
  }

  async #requisites(targets: readonly string[]): Promise<StorePaths | null> {
    const index = this.#nix.hasDatabase ? await this.#index() : null;
    const remembered = index && rememberedClosure(index, this.#place, targets);
    if (remembered !== null) return remembered;
    const paths = await this.#nix.requisites(targets);
    if (paths !== null && index !== null) rememberClosure(index, this.#place, targets, paths);
    return paths && new Set(paths);
  }
}
