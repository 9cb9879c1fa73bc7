// Where a command's data goes: standard output, or a file that appears when it is whole.
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";

/** Writes the parts as they come, no faster than they are taken. Makes the file's directory. */
export async function writeParts(
  parts: AsyncIterable<string | Uint8Array>,
  file: string | undefined,
): Promise<void> {
  if (file === undefined) return pour(parts, process.stdout);
  // The old file stays until the new one is whole.
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.part`;
  const stream = createWriteStream(temporary, { flags: "wx" });
  try {
    await pour(parts, stream);
    stream.end();
    await finished(stream);
    await rename(temporary, file);
  } catch (failure) {
    stream.destroy();
    await rm(temporary, { force: true });
    throw failure;
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
