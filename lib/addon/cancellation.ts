// What an AbortSignal does to an API call.
import { FixelfError } from "../base/errors.js";
import { fromNative, native } from "./native.js";
import { underWay } from "./under_way.js";

/**
 * Runs the body of a call that ends when the signal aborts: native work that is under way stops, and work that has not
 * begun does not begin.
 * @throws FixelfError `cancelled`, with the signal's reason as its cause, whatever the body made of it; otherwise what
 *   the body throws
 */
export async function underSignal<T>(
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return body();
  const answer = await untilAborted(signal, body).catch((failure) => {
    throw signal.aborted ? cancelledBy(signal) : failure;
  });
  // If one file of many could not be read, the body goes on without it.
  if (signal.aborted) throw cancelledBy(signal);
  return answer;
}

/**
 * The same for a body that writes: once it has begun to, it reports what became of each file itself.
 * @throws FixelfError `cancelled` if the signal aborted before the body began; otherwise what the body throws
 */
export async function untilAborted<T>(
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return body();
  if (signal.aborted) throw cancelledBy(signal);
  const cancellation = native.cancellation();
  const cancel = () => native.cancel(cancellation);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return await underWay.run({ signal, cancellation }, body);
  } catch (failure) {
    throw signal.aborted && fromNative(failure).code === "cancelled"
      ? cancelledBy(signal)
      : failure;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

export function cancelledBy(signal: AbortSignal): FixelfError {
  return new FixelfError("cancelled", "the call was cancelled", { cause: signal.reason });
}
