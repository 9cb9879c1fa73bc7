// Reading a file that is to be looked at or changed, and why that fails, in patchelf's words where it has some.
import type { Facts } from "../../addon/facts.js";
import { fromNative, native } from "../../addon/native.js";
import { statSync } from "../../base/disk.js";
import type { FixelfError } from "../../base/errors.js";
import { isOpenedByLoaders } from "../../file/kind.js";
import { failure, systemFailure } from "./failure.js";

/** @throws FixelfError */
export async function readFile(file: string): Promise<Facts> {
  // The addon takes no empty path.
  const facts = await native
    .inspect(file || ".")
    .catch((cause: unknown) => Promise.reject(unreadable(file, fromNative(cause))));
  // Of debug information that was split off a program the headers are the program's.
  if (!isOpenedByLoaders(facts) && facts.type !== "debug-information")
    throw failure("unsupported", "wrong ELF type");
  return facts;
}

function unreadable(file: string, cause: FixelfError): FixelfError {
  let size = 0;
  try {
    const state = statSync(file);
    if (state.isDirectory())
      return failure("not-a-regular-file", `reading '${file}': Is a directory`);
    size = state.size;
  } catch (cause) {
    return systemFailure(`getting info about '${file}'`, cause);
  }
  const { code } = cause;
  if (code === "permission-denied") return failure(code, `opening '${file}': Permission denied`);
  if (code === "cancelled") return cause;
  if (size < smallestHeader) return failure(code, "missing ELF header");
  return code === "not-elf" ? failure(code, "not an ELF executable") : cause;
}

/** Bytes; Elf32_Ehdr. */
const smallestHeader = 52;
