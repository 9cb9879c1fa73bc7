// Text for a descriptor, at once: without process.stdout, which costs more to make than all else that
// printing a line takes.
import { bytesOf } from "./bytes.js";
import { writeSync } from "./disk.js";

/** Whether somebody still reads it: whoever closed a pipe has seen enough. */
export function writeFully(descriptor: number, text: string): boolean {
  for (let left = bytesOf(text); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(descriptor, left));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      // Another process made the pipe non-blocking, and it is full.
      if (code === "EAGAIN") Atomics.wait(pause, 0, 0, 1);
      else if (code === "EPIPE") return false;
      else throw cause;
    }
  }
  return true;
}

const pause = new Int32Array(new SharedArrayBuffer(4));
