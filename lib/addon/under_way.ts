// What the calls of the addon that are under way belong to.
//
// One call of the API makes many of the addon, some of them ten files away. Its signal goes with them as the
// context of asynchronous work, so that no function on the way has to hand it on, and none can forget to.
import { AsyncLocalStorage } from "node:async_hooks";

/** Ends the native calls that it was given to, when it is given to `cancel`. */
export interface Cancellation {
  readonly kind?: "cancellation";
}

export interface UnderWay {
  signal: AbortSignal;
  cancellation: Cancellation;
}

/** @internal Node's own type is none of the public ones. */
export const underWay = new AsyncLocalStorage<UnderWay | undefined>();
