// The beginning of a file on this machine, read without ever blocking.
import { closeSync, constants, openSync, readSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

/**
 * At most this many bytes; none if the file cannot be read.
 * @throws FixelfError `too-many-open-files`
 */
export function readBeginning(host: string, most: number): Buffer {
  let file: number;
  try {
    // Does not wait for a FIFO there, or make a terminal this process's own.
    file = openSync(host, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (failure) {
    return unlessOfTheMoment(Buffer.alloc(0))(failure);
  }
  try {
    const buffer = Buffer.alloc(most);
    return buffer.subarray(0, readSync(file, buffer, 0, most, 0));
  } catch {
    return Buffer.alloc(0);
  } finally {
    closeSync(file);
  }
}
