// A store that is opened when it is first queried: for a healthy program that never happens.
import type { Knowledge } from "./closure.js";
import type { Store, StoreOptions } from "./context.js";
import type { Providers, Wanted } from "./find.js";
import type { Loader } from "./loaders.js";
import type { NixpkgsPackage } from "./nixpkgs/packages.js";
import type { Needing } from "./nixpkgs/rank.js";
import type { StorePlace } from "./place.js";

/** What can be asked of a store. */
export type StoreAnswers = Pick<
  Store,
  "place" | "loaders" | "providers" | "knowledge" | "packages"
>;

export class LazyStore implements StoreAnswers {
  readonly place: StorePlace;
  readonly #options: StoreOptions;
  #store: Promise<Store> | undefined;

  constructor(place: StorePlace, options: StoreOptions) {
    this.place = place;
    this.#options = options;
  }

  async loaders(): Promise<Loader[]> {
    return (await this.#open()).loaders();
  }

  async providers(sonames: Iterable<string>, wanted?: Wanted): Promise<Map<string, Providers>> {
    return (await this.#open()).providers(sonames, wanted);
  }

  async knowledge(): Promise<Knowledge> {
    return (await this.#open()).knowledge();
  }

  async packages(soname: string, needing?: Needing): Promise<NixpkgsPackage[]> {
    return (await this.#open()).packages(soname, needing);
  }

  #open(): Promise<Store> {
    this.#store ??= import("./context.js").then(
      ({ Store: StoreClass }) => new StoreClass(this.place, this.#options),
    );
    return this.#store;
  }
}
