// What an AbortSignal does to native work.
import { FixelfError } from "../base/errors.js";
import { type Cancellation, fromNative, native } from "./native.js";

/**
 * Awaits a call of the addon that ends when the signal aborts.
 * @throws FixelfError what the call rejects with; `cancelled` has the signal's reason as its cause
 */
export async function underSignal<T>(
  signal: AbortSignal | undefined,
  call: (cancellation: Cancellation | undefined) => Promise<T>,
): Promise<T> {
  const cancellation = signal && native.cancellation();
  const cancel = () => cancellation && native.cancel(cancellation);
  signal?.addEventListener("abort", cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    return await call(cancellation);
  } catch (failure) {
    const error = fromNative(failure);
    if (error.code !== "cancelled") throw error;
    throw new FixelfError("cancelled", error.message, { path: error.path, cause: signal?.reason });
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}
