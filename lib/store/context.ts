// The store as the rest of the package sees it: everything is read once, when it is first asked for. Code that an
// up-to-date index makes unnecessary is not even loaded.

import { underSignal } from "../addon/cancellation.js";
import {
  checkIterable,
  checkMade,
  checkOptions,
  checkText,
  checkTexts,
} from "../base/arguments.js";
import { isOfTheMoment } from "../base/errors.js";
import type { IndexEvent } from "../base/options.js";
import { type Knowledge, StoreKnowledge } from "./closure.js";
import { findProviders, type Providers, type Wanted } from "./find.js";
import { IndexDamage } from "./index/damage.js";
import { freshIndex } from "./index/fresh.js";
import type { FreshIndex } from "./index/refresh.js";

import { IndexedStore } from "./indexed.js";
import type { Inspected, Inspector } from "./inspector.js";
import type { Libraries } from "./libraries.js";
import type { Loader } from "./loaders.js";
import { Nix } from "./nix.js";
import type { Locate } from "./nixpkgs/nix_index.js";
import type { NixpkgsPackage } from "./nixpkgs/packages.js";
import type { Needing } from "./nixpkgs/rank.js";
import { checkPlace, type StorePlace } from "./place.js";

/** How a store is queried. */
export interface StoreOptions {
  /** `--loader`, as seen from the root. */
  userLoader?: string | undefined;
  /** `--lib`, as seen from the root. */
  userLibraryDirectories?: readonly string[] | undefined;
  /** Use the index in `$XDG_CACHE_HOME/fixelf`, and bring it up to date. Default true. */
  index?: boolean | undefined;
  /** Told about indexing progress, and if the index cannot be used. */
  onIndex?: ((event: IndexEvent) => void) | undefined;
  /** Ends running calls, and all later ones, with `cancelled`; the signal's reason is the cause. */
  signal?: AbortSignal | undefined;
}

/** One store: its loaders, its libraries, and what Nix knows about it. */
export class Store {
  /** Where it is. */
  readonly place: StorePlace;
  /** @internal */
  readonly nix: Nix;
  /** @internal */
  readonly inspector: Inspector;
  /** @internal */
  readonly userLoader: string | null;
  /** @internal */
  readonly userLibraryDirectories: readonly string[];
  readonly #options: StoreOptions;
  readonly #knowledge: StoreKnowledge;
  #index: Promise<FreshIndex | null> | undefined;
  #source: Promise<Source> | undefined;
  #loaders: Promise<Loader[]> | undefined;
  #locator: Promise<Locate> | undefined;

  constructor(place: StorePlace, options: StoreOptions = {}) {
    checkPlace("Store", place);
    checkOptions<StoreOptions>("Store", options, {
      userLoader: "string",
      userLibraryDirectories: "list of strings",
      index: "boolean",
      onIndex: "function",
      signal: "AbortSignal",
    });
    this.place = place;
    this.nix = new Nix(place);
    this.inspector = new LazyInspector(() => this.#read().then(({ inspector }) => inspector));
    this.userLoader = options.userLoader ?? null;
    this.userLibraryDirectories = options.userLibraryDirectories ?? [];
    this.#options = options;
    this.#knowledge = new StoreKnowledge(place, this.nix, () => this.#freshIndex());
  }

  /** What the current system and GC roots keep. */
  knowledge(): Promise<Knowledge> {
    return this.#underSignal(() => this.#knowledge.all());
  }

  /** Why `closure` or `rooted` of `knowledge()` is null, in a sentence; null if it is not. */
  get whyUnknown(): { readonly closure: string | null; readonly rooted: string | null } {
    return this.#knowledge.whyUnknown;
  }

  /** Which paths have a file with a given name, in all library directories of the store. */
  libraries(): Promise<Libraries> {
    return this.#underSignal(async () => (await this.#read()).libraries);
  }

  /**
   * The names of libraries that begin with the given text.
   * @throws FixelfError `usage` if it is not a string
   */
  async libraryNames(beginning: string): Promise<string[]> {
    checkText("libraryNames", "the beginning", beginning);
    return this.#undamaged(async () => (await this.libraries()).names(beginning));
  }

  /** All loaders; at most one is `chosen`. */
  loaders(): Promise<Loader[]> {
    this.#loaders ??= this.#undamaged(async () => (await import("./loaders.js")).findLoaders(this));
    return this.#loaders;
  }

  /**
   * Which files provide the sonames, for a program of the wanted kind.
   * @throws FixelfError `usage` if `sonames` is a single string or not iterable, or `wanted` is not the facts of a file
   */
  async providers(sonames: Iterable<string>, wanted?: Wanted): Promise<Map<string, Providers>> {
    checkIterable("providers", "the sonames", sonames);
    const names = [...sonames];
    checkTexts("providers", "the sonames", names);
    checkFacts("providers", wanted);
    return this.#undamaged(() => findProviders(this, names, wanted));
  }

  /**
   * The nixpkgs packages that have a library, the best first.
   * @throws FixelfError `usage` if `soname` is not a string, or `needing` is not the facts of a file
   */
  async packages(soname: string, needing?: Needing): Promise<NixpkgsPackage[]> {
    checkText("packages", "the soname", soname);
    checkFacts("packages", needing);
    const { packagesFor } = await import("./nixpkgs/rank.js");
    return this.#underSignal(async () => packagesFor(soname, await this.#locate(), needing));
  }

  #locate(): Promise<Locate> {
    this.#locator ??= import("./nixpkgs/nix_index.js").then(({ locator }) =>
      locator((message) => this.#options.onIndex?.({ kind: "trouble", message })),
    );
    return this.#locator;
  }

  #underSignal<T>(answer: () => Promise<T>): Promise<T> {
    return underSignal(this.#options.signal, answer);
  }

  #undamaged<T>(answer: () => Promise<T>): Promise<T> {
    return this.#underSignal(() => this.#withoutDamage(answer));
  }

  /** If damage shows while an answer is put together, the index is rebuilt and the question asked again. */
  async #withoutDamage<T>(answer: () => Promise<T>): Promise<T> {
    const used = this.#freshIndex();
    try {
      return await answer();
    } catch (failure) {
      if (!(failure instanceof IndexDamage)) throw failure;
      // Another question may have found the damage first.
      if (this.#index !== used) return answer();
      this.#index = used.then((index) => rebuilt(index, this.place, this.#options));
      this.#source = undefined;
      return answer();
    }
  }

  #read(): Promise<Source> {
    this.#source ??= this.#freshIndex().then(async (index) => {
      if (index === null) {
        const [{ listLibraries }, { NativeInspector }] = await Promise.all([
          import("./libraries.js"),
          import("./inspector.js"),
        ]);
        const inspector = new NativeInspector(this.place);
        return { libraries: await listLibraries(this.place), inspector };
      }
      const indexed = await IndexedStore.of(index, this.place);
      return { libraries: indexed, inspector: indexed };
    });
    return this.#source;
  }

  /** null if there is no index to use. */
  #freshIndex(): Promise<FreshIndex | null> {
    this.#index ??= openIndex(this.place, this.#options);
    return this.#index;
  }
}

function checkFacts(call: string, facts: Wanted | undefined): void {
  if (facts === undefined) return;
  const kinds = { machine: "string", class: "string", byteOrder: "string" } as const;
  checkMade(call, "the file", "inspect()", facts, kinds);
}

interface Source {
  libraries: Libraries;
  inspector: Inspector;
}

async function openIndex(
  place: StorePlace,
  { index = true, onIndex: tell = () => {} }: StoreOptions,
  rebuild = false,
): Promise<FreshIndex | null> {
  if (!index) return null;
  try {
    return await freshIndex(place, tell, { rebuild });
  } catch (failure) {
    if (isOfTheMoment(failure)) throw failure;
    // A cache that cannot be kept is no reason not to answer.
    tell({ kind: "trouble", message: `working without the index: ${(failure as Error).message}` });
    return null;
  }
}

/** Replaces a damaged index. Only once: if it is damaged again, the disk is failing. */
async function rebuilt(
  damaged: FreshIndex | null,
  place: StorePlace,
  options: StoreOptions,
): Promise<FreshIndex | null> {
  damaged?.reader.close();
  const message = "the index is damaged, and is rebuilt";
  options.onIndex?.({ kind: "trouble", message });
  return openIndex(place, options, true);
}

/** Which inspector to use is decided when the first file is asked for. */
class LazyInspector implements Inspector {
  readonly #find: () => Promise<Inspector>;
  /** The one last used. */
  #inspector: Inspector | undefined;

  constructor(find: () => Promise<Inspector>) {
    this.#find = find;
  }

  get failures(): number {
    return this.#inspector?.failures ?? 0;
  }

  async inspect(path: string): Promise<Inspected | null> {
    this.#inspector = await this.#find();
    return this.#inspector.inspect(path);
  }
}
