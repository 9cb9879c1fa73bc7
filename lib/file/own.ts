// What is kept from one run for the next is believed only where nobody else could have written it: the rule is
// native/base/own.hpp's.
import { fromNative, native } from "../addon/native.js";

/**
 * Of an open file or directory; the path is for the message.
 * @throws FixelfError `permission-denied`, saying whose it is and what to do
 */
export function demandOwn(descriptor: number, path: string): void {
  try {
    native.demandOwn(descriptor, path);
  } catch (caught) {
    throw fromNative(caught);
  }
}

/**
 * Of a directory, and not of what a link in its place leads to.
 * @throws FixelfError `permission-denied`, saying whose it is and what to do
 */
export function demandOwnDirectory(path: string): void {
  try {
    native.demandOwnDirectory(path);
  } catch (caught) {
    throw fromNative(caught);
  }
}
