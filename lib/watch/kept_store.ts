// The store, read once for many plans, for as long as it is unchanged.
import { realpathSync, statSync } from "../base/disk.js";
import type { PlanOptions } from "../base/options.js";
import { storeFor } from "../choose/choice.js";
import type { Store } from "../store/context.js";
import { hostPath, placeOf } from "../store/place.js";

/**
 * Determining loaders, closures and whether an index is up to date takes longer than a small plan. Anything that enters
 * or leaves the store sets its directory's times; which system is current is told by a link. Only GC roots may change
 * unnoticed, and they only decide between equally good candidates: so it is kept for at most a minute.
 */
const longest = 60_000;

export class KeptStore {
  readonly #options: PlanOptions;
  #store: Store | null = null;
  #state = "";
  #since = 0;

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  get(): Store {
    const now = performance.now();
    const state = this.#currentState();
    if (this.#store === null || state !== this.#state || now - this.#since > longest) {
      this.#store = storeFor(this.#options);
      this.#state = state;
      this.#since = now;
    }
    return this.#store;
  }

  /** Reads ahead of the first arrival. What fails here will fail again, and be reported, when it matters. */
  warm(): void {
    this.get()
      .loaders()
      .catch(() => {});
  }

  #currentState(): string {
    const place = placeOf(this.#options);
    try {
      const { ino, mtimeNs, ctimeNs } = statSync(hostPath(place.store, place), { bigint: true });
      return [ino, mtimeNs, ctimeNs, realpathSync(hostPath(place.system, place))].join(":");
    } catch {
      return "";
    }
  }
}
