// The one door to the addon. Everything else in lib/ imports from here and never asks where the
// machine code came from: a build in this clone, a prebuild in the npm package, or the directory
// that FIXELF_PREBUILD names.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface NativeAddon {
  /** The version of the package that the addon was built from. */
  version(): string;
}

const packageDirectory = fileURLToPath(new URL("..", import.meta.url));

// node-gyp-build is CommonJS and has no types.
const loadAddon = createRequire(import.meta.url)("node-gyp-build") as (
  directory: string,
) => NativeAddon;

export const native: NativeAddon = load();

function load(): NativeAddon {
  try {
    return loadAddon(packageDirectory);
  } catch (cause) {
    throw new Error(explainLoadFailure(cause), { cause });
  }
}

function explainLoadFailure(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message.trim() : String(cause);
  const isClone = existsSync(join(packageDirectory, "CMakeLists.txt"));
  const remedy = isClone
    ? `Build it, in ${packageDirectory}:\n\n    npm run build:native\n`
    : `This copy of the package has no build that runs on this platform ` +
      `(${process.platform}-${process.arch}, Node ${process.versions.node}). fixelf is for Linux; ` +
      `on a machine or libc that the package brings no build for, build it from a clone of its ` +
      `repository with \`npm install\`.\n`;
  return `fixelf could not load its native addon.\n\n${remedy}\n${reason}`;
}
