// What the addon calls under way belong to.
//
// One API call makes many addon calls, some of them ten files away. Its signal accompanies them as the context of
// asynchronous work, so that no function in between has to pass it on, or can forget to.
import { AsyncLocalStorage } from "node:async_hooks";

/** Ends the native calls that it was passed to, when it is passed to `cancel`. */
export interface Cancellation {
  readonly kind?: "cancellation";
}

export interface UnderWay {
  signal: AbortSignal;
  cancellation: Cancellation;
}

/** @internal Node's own type is not one of the public ones. */
export const underWay = new AsyncLocalStorage<UnderWay | undefined>();
