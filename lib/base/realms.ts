// Whether a value is of a kind, whichever realm made it. Test runners evaluate modules in a vm context, whose Promise,
// Uint8Array and Error differ from those of Node's own modules: there `instanceof` returns false.
export { isNativeError, isUint8Array } from "node:util/types";

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | null | undefined)?.then === "function";
}

export function isAbortSignal(value: unknown): value is AbortSignal {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}
