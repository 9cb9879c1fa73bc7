// Where a command's data goes: standard output, or a file that appears once it is complete.
import { basename } from "node:path";
import { native } from "../addon/native.js";
import { constants, createWriteStream, lstatSync, open, rename, rm } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { writeFully } from "../base/write_fully.js";
import { HeldDirectory } from "../file/held_directory.js";

/**
 * Writes the parts as they come, no faster than they are consumed, to a file or, for "-", to standard output. Makes the
 * file's directory, and follows links as `native.realTarget` does. Anything other than a regular file (a device, a
 * FIFO) is written to directly.
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
  await HeldDirectory.of(file).during(async () => undefined);
  const target = native.realTarget(file);
  // What this process already has open, such as /dev/stdout.
  if (target.startsWith("/proc/")) return pourInto(parts, createWriteStream(target), file);
  await HeldDirectory.of(target).during((directory) =>
    writeWhole(parts, directory, basename(target), file),
  );
}

/** `file` is the user's name for it. */
async function writeWhole(
  parts: AsyncIterable<string | Uint8Array>,
  directory: HeldDirectory,
  name: string,
  file: string,
): Promise<void> {
  const old = lstatSync(directory.at(name), { throwIfNoEntry: false });
  if (old?.isFile() === false) {
    const flags = constants.O_WRONLY | constants.O_NOFOLLOW;
    const stream = createWriteStream(directory.at(name), { flags: flags as never });
    return pourInto(parts, stream, file);
  }
  // The old file stays until the new one is complete. The temporary name is unique: in containers every process has id
  // 1, and a killed one leaves its part behind. It is not the file's own name with a suffix, which could be too long.
  // (Node modules that only a file needs are loaded here: they take as long as everything else that a short command
  // loads.)
  const { randomBytes } = await import("node:crypto");
  const temporary = directory.at(`.${randomBytes(8).toString("hex")}.part`);
  const handle = await open(temporary, "wx", 0o600);
  try {
    // The same mode as if it had been written in place.
    await handle.chmod(old === undefined ? 0o666 & ~process.umask() : old.mode & 0o7777);
    await pourInto(parts, handle.createWriteStream(), file);
    await rename(temporary, directory.at(name));
  } catch (failure) {
    await rm(temporary, { force: true });
    throw failure;
  }
}

/** Writes all of it, or until a pipe has no reader, and ends the stream. Errors name `file`. */
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
    if (code === "EPIPE") return; // as `writeFully` takes it
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
