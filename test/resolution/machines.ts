// The loaders that judge, each with its compiler and the way to ask it.
import { fileURLToPath } from "node:url";

export interface Machine {
  name: "x86-64" | "i386" | "aarch64" | "s390x" | "musl";
  compiler: string;
  /** The real loader, on this machine. */
  loader: string;
  /** Its path in a root of its own, which programs therefore name as their interpreter. */
  interpreter: string;
  /** Runs the loader on this machine; null if the machine can run it itself. */
  emulator: string | null;
  /** The best directory of glibc-hwcaps for the emulated processor; null: ask the processor. */
  processor: string | null;
}

export const machines: Machine[] = [
  {
    name: "x86-64",
    compiler: "x86_64-linux-gnu-gcc",
    loader: "/lib64/ld-linux-x86-64.so.2",
    interpreter: "/lib64/ld-linux-x86-64.so.2",
    emulator: null,
    processor: null,
  },
  {
    name: "musl",
    compiler: "x86_64-linux-gnu-gcc",
    loader: "/lib/ld-musl-x86_64.so.1",
    interpreter: "/lib/ld-musl-x86_64.so.1",
    emulator: null,
    processor: null,
  },
  {
    name: "i386",
    compiler: "i686-linux-gnu-gcc",
    loader: "/usr/i686-linux-gnu/lib/ld-linux.so.2",
    interpreter: "/usr/i686-linux-gnu/lib/ld-linux.so.2",
    emulator: "qemu-i386",
    processor: "baseline",
  },
  {
    name: "aarch64",
    compiler: "aarch64-linux-gnu-gcc",
    loader: "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
    interpreter: "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
    emulator: "qemu-aarch64",
    processor: "baseline",
  },
  {
    name: "s390x",
    compiler: "s390x-linux-gnu-gcc",
    loader: "/usr/s390x-linux-gnu/lib/ld64.so.1",
    interpreter: "/usr/s390x-linux-gnu/lib/ld64.so.1",
    emulator: "qemu-s390x",
    // qemu's default processor: `ld64.so.1 --help` calls z13 "supported".
    processor: "z13",
  },
];

/**
 * The loader that `npm run build:shim` builds for this machine, to be put in the real one's place.
 */
export const standIn = fileURLToPath(
  new URL("../../prebuilds/fixelf-ld/x86_64-linux/fixelf-ld", import.meta.url),
);

/** What is needed here to ask the machine's loader: test/support/needs.ts. */
export function partsOf({ name, compiler, emulator }: Machine): string[] {
  const common = ["x86-64", compiler, "gcc", "xargs"];
  if (emulator !== null) return [...common, emulator];
  return [...common, "mount namespaces", name === "musl" ? "musl's loader" : "glibc's loader"];
}
