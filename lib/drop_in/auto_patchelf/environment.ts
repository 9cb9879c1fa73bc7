// What the files are patched for. nixpkgs' binutils wrapper, which its setup.sh names in NIX_BINTOOLS, records it in
// two files: the loader that programs get, and the libc that this loader loads.
import { basename, join } from "node:path";
import type { Facts } from "../../addon/facts.js";
import { native } from "../../addon/native.js";
import { readFile } from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { isMuslName, isPartOfGlibc } from "../../file/libc.js";

export interface Target {
  /** The loader, as programs will name it. */
  interpreter: string;
  /** The loader's own facts: machine and OS ABI of everything that it loads. */
  facts: Facts;
  /** The directory with libc's libraries, which the loader searches by default. */
  libcDirectory: string;
  musl: boolean;
}

/**
 * Reads the target that a binutils wrapper names.
 * @throws FixelfError `not-found` if it names none, or any error from reading the loader
 */
export async function readTarget(bintools: string | undefined): Promise<Target> {
  if (!bintools) {
    const message =
      "NIX_BINTOOLS is not set; it names the binutils wrapper whose nix-support/dynamic-linker " +
      "and nix-support/orig-libc say which loader and libc to patch for";
    throw new FixelfError("not-found", message);
  }
  const interpreter = await firstWord(join(bintools, "nix-support", "dynamic-linker"));
  const libc = await firstWord(join(bintools, "nix-support", "orig-libc"));
  const facts = await native.inspect(interpreter);
  return { interpreter, facts, libcDirectory: join(libc, "lib"), musl: isMuslLoader(interpreter) };
}

async function firstWord(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new FixelfError("not-found", `${path}: cannot read it (${cause.code})`, { path, cause });
  });
  const content = text.trim();
  if (content === "") throw new FixelfError("not-found", `${path}: it is empty`, { path });
  return content;
}

function isMuslLoader(path: string): boolean {
  return basename(path).startsWith("ld-musl-");
}

/** The libc that a file was linked against, which no other can replace; null if it names none. */
export function libcNamedBy({ interpreter, needed }: Facts): "glibc" | "musl" | null {
  if (interpreter === null ? needed.some(isMuslName) : isMuslLoader(interpreter)) return "musl";
  const isForGlibc = interpreter !== null && basename(interpreter).startsWith("ld-linux");
  return isForGlibc || needed.some(isPartOfGlibc) ? "glibc" : null;
}
