// What the file is that a program names as its interpreter. Its name is no evidence: on a stock NixOS since 24.05, a
// program that only prints a message has the loader's name, and so does nix-ld.
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { remembered } from "../addon/remembered.js";
import { readBeginning } from "./beginning.js";

export type InterpreterKind =
  /** A dynamic linker. */
  | "glibc"
  | "musl"
  /** That of another libc, such as Android's. */
  | "other-loader"
  /** They start the loader that NIX_LD names. */
  | "nix-ld"
  | "fixelf-ld"
  /** NixOS's own, which prints that it cannot help (nixos/modules/config/stub-ld.nix). */
  | "nixos-stub"
  | "static-program"
  /** It needs a loader itself. */
  | "dynamic-program"
  /** It cannot be started by itself: it needs libraries but names no loader to find them, or has no entry point. */
  | "library"
  | "script"
  | "empty"
  | "directory"
  | "no-elf-file"
  | "damaged"
  | "unreadable"
  | "nothing";

export interface AtInterpreter {
  kind: InterpreterKind;
  /** Directories in which a stand-in finds `ld.so` and libraries when no variable names them. */
  farms: string[];
  /** null if it is not an ELF file. */
  facts: Facts | null;
}

/** The defaults of fixelf-ld (native/shim/places.hpp) and of nix-ld 2 (its build.rs), in their order. */
const farms = [
  "/run/current-system/sw/share/fixelf/farm",
  "/run/current-system/sw/share/nix-ld/lib",
];

/** Bytes. Stand-ins have about 100 KB, a loader with its debug symbols 1 MB. */
const mostRead = 8 << 20;

const known = remembered<AtInterpreter>();

/** Examines a path, as seen from the root of `files`. */
export function interpreterAt(path: string, files: NativeFiles): AtInterpreter {
  return known(files, path, () => lookAt(path, files));
}

/** Whether it loads programs itself. */
export function isLoader(kind: InterpreterKind): boolean {
  return kind === "glibc" || kind === "musl" || kind === "other-loader";
}

/** Whether it starts another loader in its place. */
export function isStandIn(kind: InterpreterKind): boolean {
  return kind === "nix-ld" || kind === "fixelf-ld";
}

/** Whether a file name is that of a dynamic linker; "ld-2.33.so" is an alternative name for one. */
export function isLoaderName(name: string): boolean {
  return /^(ld-linux[^/]*\.so\.\d+|ld-musl-[^/]+\.so\.1|ld64\.so\.\d+|ld\.so\.1)$/.test(name);
}

function lookAt(path: string, files: NativeFiles): AtInterpreter {
  // A program's interpreter may be an empty name, under which the kernel finds nothing (ENOENT).
  if (path === "") return { kind: "nothing", farms: [], facts: null };
  const { state, facts } = files.look(path);
  const is = (kind: InterpreterKind): AtInterpreter => ({ kind, farms: [], facts });
  switch (state) {
    case "missing":
      return is("nothing");
    case "not-regular":
      return is("directory");
    case "unreadable":
      return is("unreadable");
    case "malformed":
      return is("damaged");
    case "not-elf":
      return is(kindOfText(readBeginning(files.hostPath(path), 2)));
    case "elf":
      return facts === null ? is("damaged") : elfAt(facts, files.hostPath(path));
  }
}

function kindOfText(start: Buffer): InterpreterKind {
  if (start.length === 0) return "empty";
  return start.toString("latin1") === "#!" ? "script" : "no-elf-file";
}

function elfAt(facts: Facts, host: string): AtInterpreter {
  const is = (kind: InterpreterKind, directories: string[] = []): AtInterpreter => ({
    kind,
    farms: directories,
    facts,
  });
  if (facts.interpreter !== null) return is("dynamic-program");
  // glibc's soname is the name by which programs ask for it (elf/Makefile, ld.so).
  if (facts.soname !== null && isLoaderName(facts.soname)) {
    return is(facts.soname.startsWith("ld-musl-") ? "musl" : "glibc");
  }
  const bytes = readBeginning(host, mostRead);
  // First, because text that a system adds to its message may name a stand-in's variables.
  if (bytes.includes("Could not start dynamically linked executable")) return is("nixos-stub");
  // Every release of both has contained the full name of its two variables, NIX_LD and this one.
  if (bytes.includes("NIX_LD_LIBRARY_PATH")) {
    const own = farms.filter((directory) => bytes.includes(`${directory}/ld.so`));
    return is(bytes.includes("fixelf-ld") ? "fixelf-ld" : "nix-ld", own);
  }
  if (facts.type !== "shared-library") return is("static-program");
  if (bytes.includes("musl libc (")) return is("musl"); // ldso/dynlink.c, its message when run without arguments
  return is(facts.needed.length > 0 || facts.entry === 0n ? "library" : "other-loader");
}
