// Where a command's data goes: standard output, or a file that appears when it is whole.
import { dirname, join } from "node:path";
import { makeDirectories } from "../base/directories.js";
import { chmod, createWriteStream, lstatSync, rename, rm } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { writeFully } from "../base/write_fully.js";

/**
 * Writes the parts as they come, no faster than they are taken, to a file or, for "-", to standard output.
 * Makes the file's directory. What is no regular file (a device, a FIFO, a link) is written into as it is.
 */
export async function writeParts(
  parts: AsyncIterable<string | Uint8Array>,
  file: string | undefined,
): Promise<void> {
  if (file === undefined || file === "-") {
    for await (const part of parts) if (!writeFully(1, part)) return;
    return;
  }
  if (file === "" || file.endsWith("/"))
    throw new FixelfError("usage", `--output: ${file === "" ? "an empty name" : file} is no file`);
  const old = lstatSync(file, { throwIfNoEntry: false });
  if (old?.isFile() === false) return pourInto(parts, createWriteStream(file), file);
  // The old file stays until the new one is whole.
  makeDirectories(dirname(file));
  // A name that nobody else has: in containers every process is the first, and a killed one leaves its part.
  // Not the file's own name with more behind it, which could be too long for a name.
  // (Node's modules that only a file needs are loaded here: they take as long as all else that a short command loads.)
  const { randomBytes } = await import("node:crypto");
  const temporary = join(dirname(file), `.${randomBytes(8).toString("hex")}.part`);
  try {
    await pourInto(parts, createWriteStream(temporary, { flags: "wx", mode: 0o600 }), file);
    // As if it had been written into.
    await chmod(temporary, old === undefined ? 0o666 & ~process.umask() : old.mode & 0o7777);
    await rename(temporary, file);
  } catch (failure) {
    await rm(temporary, { force: true });
    throw failure;
  }
}

/** All of it, and the stream's end. `file` is named where that fails. */
async function pourInto(
  parts: AsyncIterable<string | Uint8Array>,
  stream: NodeJS.WritableStream & { destroy(): void },
  file: string,
): Promise<void> {
  try {
    await pour(parts, stream);
    stream.end();
    const { finished } = await import("node:stream/promises");
    await finished(stream);
  } catch (failure) {
    stream.destroy();
    const { code, path, syscall, message } = failure as NodeJS.ErrnoException;
    if (path !== undefined || !/^writev?$/.test(syscall ?? "")) throw failure;
    const kind = code === "ENOSPC" ? "no-space" : "io";
    throw new FixelfError(kind, `${file}: ${message}`, { path: file, cause: failure });
  }
}

async function pour(
  parts: AsyncIterable<string | Uint8Array>,
  stream: NodeJS.WritableStream,
): Promise<void> {
  let failure: unknown;
  const onError = (error: unknown) => {
    failure = error;
  };
  stream.on("error", onError);
  try {
    for await (const part of parts) {
      if (failure !== undefined) throw failure;
      if (!stream.write(part)) await drained(stream);
    }
    if (failure !== undefined) throw failure;
  } finally {
    stream.off("error", onError);
  }
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("error", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("error", done);
    stream.on("close", done);
  });
}
