// Writes to a descriptor at once, without process.stdout, whose creation costs more than everything else that printing
// a line takes.
import { bytesOf } from "./bytes.js";
import { writeSync } from "./disk.js";
import { codeOfSystem, FixelfError } from "./errors.js";

/**
 * Returns whether it still has a reader: one that has closed a pipe has seen enough.
 * @throws FixelfError `no-space` or `io`
 */
export function writeFully(descriptor: number, content: string | Uint8Array): boolean {
  let left = typeof content === "string" ? bytesOf(content) : content;
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(descriptor, left));
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      // Another process made the pipe non-blocking, and it is full.
      if (code === "EAGAIN") Atomics.wait(pause, 0, 0, 1);
      else if (code === "EPIPE") return false;
      else {
        const name = descriptor === 1 ? "standard output" : "standard error";
        throw new FixelfError(codeOfSystem(cause), `${name}: ${message}`, { cause });
      }
    }
  }
  return true;
}

const pause = new Int32Array(new SharedArrayBuffer(4));
