// The programs that the package ships besides its addon, each built for several machines.
import { join } from "node:path";
import { existsSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { packageDirectory } from "./package_directory.js";

/** `ld` is the stand-in loader. */
export const programNames = ["ld", "patchelf"] as const;
export type ProgramName = (typeof programNames)[number];

/**
 * The location of the one for this machine.
 * @throws FixelfError `not-found` if the package has none for it
 */
export function programPath(name: ProgramName): string {
  const file = `fixelf-${name}`;
  const system = `${systems[process.arch] ?? process.arch}-linux`;
  const places = [
    // As node-gyp-build looks for the addon: what a clone has built comes before what is shipped.
    join(process.env.FIXELF_PREBUILD ?? packageDirectory, "build/Release", file),
    join(packageDirectory, "prebuilds", file, system, file),
  ];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new FixelfError("not-found", `the package has no ${file} for ${system}`);
}

/** Nix's names for machines, by Node's. */
const systems: Record<string, string> = {
  x64: "x86_64",
  ia32: "i686",
  arm64: "aarch64",
  arm: "armv7l",
  riscv64: "riscv64",
};
