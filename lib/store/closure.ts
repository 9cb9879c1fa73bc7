// Which store paths are sure to stay: the running system's, and what a GC root keeps.
import type { Nix } from "./nix.js";
import { realPathIn, type StorePlace, storePathOf } from "./place.js";

export interface Knowledge {
  /** The current system's closure; null when it is not known. */
  closure: ReadonlySet<string> | null;
  /** What GC roots keep; null when it is not known. */
  rooted: ReadonlySet<string> | null;
}

/** What Nix knows of the store, asked once and only when needed. */
export class StoreKnowledge {
  readonly #place: StorePlace;
  readonly #nix: Nix;
  #closure: Promise<ReadonlySet<string> | null> | undefined;
  #rooted: Promise<ReadonlySet<string> | null> | undefined;
  /** Why the closure or the rooted set is null. */
  readonly whyUnknown: { closure: string | null; rooted: string | null } = {
    closure: null,
    rooted: null,
  };

  constructor(place: StorePlace, nix: Nix) {
    this.#place = place;
    this.#nix = nix;
  }

  /** The current system's closure. */
  closure(): Promise<ReadonlySet<string> | null> {
    this.#closure ??= this.#readClosure();
    return this.#closure;
  }

  /** The closure of everything that a GC root keeps. */
  rooted(): Promise<ReadonlySet<string> | null> {
    this.#rooted ??= this.#readRooted();
    return this.#rooted;
  }

  /** Both. */
  async all(): Promise<Knowledge> {
    // One after the other: Nix keeps one reason, the last one.
    const closure = await this.closure();
    return { closure, rooted: await this.rooted() };
  }

  async #readClosure(): Promise<ReadonlySet<string> | null> {
    const { store, system } = this.#place;
    const real = await realPathIn(system, this.#place);
    const top = real === null ? null : storePathOf(real, store);
    if (top === null) {
      this.whyUnknown.closure =
        real === null ? `${system} is not there` : `${system} leads to ${real}, outside the store`;
      return null;
    }
    const paths = await this.#nix.requisites([top]);
    if (paths === null) this.whyUnknown.closure = this.#nix.whyUnknown;
    return paths && new Set(paths);
  }

  async #readRooted(): Promise<ReadonlySet<string> | null> {
    const roots = await this.#nix.gcRoots();
    const targets = roots && [
      ...new Set(roots.map(({ path }) => storePathOf(path, this.#place.store) ?? path)),
    ];
    const paths = targets && (await this.#nix.requisites(targets));
    if (paths === null) this.whyUnknown.rooted = this.#nix.whyUnknown;
    return paths && new Set(paths);
  }
}
