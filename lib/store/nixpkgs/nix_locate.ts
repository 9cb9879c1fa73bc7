// Which package of nixpkgs has a file, as nix-index's database says. That database is somebody
// else's snapshot: what it names is not checked here, and has to be said so.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { underWay } from "../../addon/under_way.js";

const timeLimit = 10_000;

/**
 * The attribute names of packages that have a library, the likeliest first; null where nix-locate is
 * not installed, or gives no answer in time.
 */
export async function locatePackages(soname: string): Promise<string[] | null> {
  // It reads the pattern as a file's name; one with a slash, or a dash first, is none.
  if (!/^[\w+.][\w+.-]*$/.test(soname)) return null;
  const options = ["--minimal", "--whole-name", "--at-root", `/lib/${soname}`];
  // Old releases print nested packages too, unless they are told not to; new ones know no such option.
  const output = (await run(["--top-level", ...options])) ?? (await run(options));
  return output === null ? null : parseLocated(output);
}

async function run(options: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("nix-locate", options, {
      timeout: timeLimit,
      maxBuffer: 1 << 24,
      encoding: "utf8",
      signal: underWay.getStore()?.signal,
    });
    return stdout;
  } catch {
    return null;
  }
}

/** "zlib.out" a line; "(zlib.out)" can be reached by no attribute name of its own. */
export function parseLocated(output: string): string[] {
  const names = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^[\w+.'-]+$/.test(line))
    .map((name) => name.replace(/\.(out|lib|dev|bin)$/, ""));
  return [...new Set(names)].sort(
    (one, two) => depthOf(one) - depthOf(two) || one.length - two.length,
  );
}

/** "zlib" before "pkgsStatic.zlib". */
function depthOf(name: string): number {
  return name.split(".").length;
}
