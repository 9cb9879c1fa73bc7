// What lies where a program names its loader: the loader, something that takes its place, or nothing.
import { constants } from "node:fs";
import { open } from "node:fs/promises";

export type AtInterpreter =
  /** A dynamic linker. */
  | "loader"
  /** nix-ld or fixelf-ld: it starts the loader that NIX_LD names. */
  | "stand-in"
  /** Something else, such as NixOS' own stub, which only says that it can't help. */
  | "other"
  | "nothing";

/** nix-ld has some 100 KB; a loader has 1 MB with its symbols. */
const mostBytes = 8 << 20;

/** Looks at a file of this machine. */
export async function atInterpreter(host: string): Promise<AtInterpreter> {
  let bytes: Buffer;
  try {
    bytes = await beginningOf(host);
  } catch {
    return "nothing"; // what may not be read can't be started by the kernel either
  }
  // Either reads its variable by name.
  if (bytes.includes("NIX_LD")) return "stand-in";
  return bytes.includes("LD_LIBRARY_PATH") ? "loader" : "other";
}

async function beginningOf(host: string): Promise<Buffer> {
  // Whoever puts a FIFO there is not waited for.
  const file = await open(host, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(Math.min((await file.stat()).size, mostBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
