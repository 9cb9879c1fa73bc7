// The store, read once for many plans, for as long as it is the same.
import { realpathSync, statSync } from "../base/disk.js";
import type { PlanOptions } from "../base/options.js";
import { storeFor } from "../choose/choice.js";
import type { Store } from "../store/context.js";
import { hostPath, placeOf } from "../store/place.js";

/**
 * Loaders, closures and an index that is up to date take longer to find out than a small plan. What
 * comes into the store or goes sets the times of its directory; what the current system is, a link
 * says. Only GC roots may change unseen, and they but decide between what is equally good: so it is
 * kept no longer than a minute.
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

  /** Reads ahead of the first arrival. What fails here will fail, and be told, when it matters. */
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
