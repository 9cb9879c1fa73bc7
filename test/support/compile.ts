// ELF files that a compiler makes of C. What the same compiler made of the same source and options before is
// taken from the user's cache: compiling is most of what the tests of parts wait for.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { scratchRoot, userCache } from "./scratch.js";

/** Compiles with this machine's gcc; its directory need not be there. The answer is `output`. */
export function compile(output: string, source: string, ...options: string[]): string {
  return compileWith("gcc", output, source, ...options);
}

/** The same with another compiler, of gcc's options. Files among the options are taken as what they are. */
export function compileWith(
  compiler: string,
  output: string,
  source: string,
  ...options: string[]
): string {
  mkdirSync(dirname(output), { recursive: true });
  const kept = keptAs(compiler, source, options);
  if (kept !== null && existsSync(kept)) {
    copyFileSync(kept, output, constants.COPYFILE_FICLONE);
    return output;
  }
  const words = ["-x", "c", "-", "-x", "none", ...options, "-o", output];
  execFileSync(compiler, words, { input: source });
  if (kept !== null) keep(output, kept);
  return output;
}

/**
 * Where the result is kept. Null where a word names a scratch directory: what is there may change, and that
 * name does not come again. A newer C library is not asked for: what an older one started still starts.
 */
function keptAs(compiler: string, source: string, options: readonly string[]): string | null {
  if ([source, ...options].some((word) => word.includes(scratchRoot))) return null;
  const words = [versionOf(compiler), compiler, source, ...options];
  const digest = createHash("sha256").update(JSON.stringify(words)).digest("hex");
  return join(userCache, "fixelf-tests", digest);
}

/** Other test files may keep the same at the same time. */
function keep(output: string, kept: string): void {
  const unfinished = `${kept}.${process.pid}`;
  mkdirSync(dirname(kept), { recursive: true });
  copyFileSync(output, unfinished, constants.COPYFILE_FICLONE);
  renameSync(unfinished, kept);
}

const versions = new Map<string, string>();

/** Of the compiler's package too, in Debian. */
function versionOf(compiler: string): string {
  let version = versions.get(compiler);
  if (version === undefined) {
    version = execFileSync(compiler, ["--version"], { encoding: "utf8" });
    versions.set(compiler, version);
  }
  return version;
}
