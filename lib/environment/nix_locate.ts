// nix-locate (nix-index) knows which package has a file, for all of nixpkgs.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Milliseconds. A search through its whole database takes a second or two. */
const patience = 20_000;

/**
 * Packages that have a file of the name in a library directory, those that are asked for most
 * directly first; null where nix-locate is not installed or has no database.
 */
export async function nixLocate(
  soname: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string[] | null> {
  const args = ["--minimal", "--top-level", "--whole-name", "--at-root", `/lib/${soname}`];
  try {
    const { stdout } = await promisify(execFile)("nix-locate", args, {
      timeout: patience,
      maxBuffer: 1 << 24,
      env: environment,
    });
    return parseLocated(stdout);
  } catch {
    return null;
  }
}

/** Lines such as "zlib.out", and "(hidden.out)" for what no attribute leads to. */
export function parseLocated(output: string): string[] {
  const attributes = output
    .split("\n")
    .filter((line) => /^[\w.+'-]+$/.test(line))
    // makeLibraryPath takes the output with libraries by itself.
    .map((line) => line.replace(/\.(out|lib|dev|bin)$/, ""));
  // "zlib" rather than "emscriptenPackages.zlib".
  const depth = (attribute: string) => attribute.split(".").length;
  return [...new Set(attributes)].sort(
    (first, second) => depth(first) - depth(second) || first.length - second.length,
  );
}
