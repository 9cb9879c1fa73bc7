// The beginning of a file of this machine, read without waiting for anybody.
import { closeSync, constants, openSync, readSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";

/**
 * At most so many bytes; none where the file cannot be read.
 * @throws FixelfError `too-many-open-files`
 */
export function readBeginning(host: string, most: number): Buffer {
  let file: number;
  try {
    // A FIFO there is not waited for, and a terminal is not made this process's own.
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
