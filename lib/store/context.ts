// The store as the rest of the package sees it: everything is read when first asked for, and once.
import type { StoreContext } from "./candidates.js";
import { type Knowledge, StoreKnowledge } from "./closure.js";
import { findProviders, type Providers, type Wanted } from "./find.js";
import { type Inspector, NativeInspector } from "./inspector.js";
import { indexLibraries, type LibraryIndex } from "./libraries.js";
import { findLoaders, type Loader } from "./loaders.js";
import { Nix } from "./nix.js";
import type { StorePlace } from "./place.js";

export interface StoreOptions {
  /** `--loader`, as seen from the root. */
  userLoader?: string | undefined;
  /** `--lib`, as seen from the root. */
  userLibraryDirectories?: readonly string[] | undefined;
}

/** One store: its loaders, its libraries, and what Nix knows of it. */
export class Store implements StoreContext {
  readonly place: StorePlace;
  readonly nix: Nix;
  readonly inspector: Inspector;
  readonly userLoader: string | null;
  readonly userLibraryDirectories: readonly string[];
  readonly #knowledge: StoreKnowledge;
  #libraries: Promise<LibraryIndex> | undefined;
  #loaders: Promise<Loader[]> | undefined;

  constructor(place: StorePlace, options: StoreOptions = {}) {
    this.place = place;
    this.nix = new Nix(place);
    this.inspector = new NativeInspector(place);
    this.userLoader = options.userLoader ?? null;
    this.userLibraryDirectories = options.userLibraryDirectories ?? [];
    this.#knowledge = new StoreKnowledge(place, this.nix);
  }

  /** What the current system and GC roots keep. */
  knowledge(): Promise<Knowledge> {
    return this.#knowledge.all();
  }

  /** Why `knowledge()` has a null. */
  get whyUnknown(): Readonly<StoreKnowledge["whyUnknown"]> {
    return this.#knowledge.whyUnknown;
  }

  /** File name → paths, of all library directories in the store. */
  libraries(): Promise<LibraryIndex> {
    this.#libraries ??= indexLibraries(this.place);
    return this.#libraries;
  }

  /** All loaders; at most one is `chosen`. */
  loaders(): Promise<Loader[]> {
    this.#loaders ??= findLoaders(this);
    return this.#loaders;
  }

  /** Which files provide the sonames, for a program of the wanted kind. */
  providers(sonames: Iterable<string>, wanted?: Wanted): Promise<Map<string, Providers>> {
    return findProviders(this, sonames, wanted);
  }
}
