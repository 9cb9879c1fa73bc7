// Where this package is, with what it needs besides its code: the addon, the stand-in loader, tables. This cannot rely
// on a module's own location: the package is bundled, and so may be the program that uses it.
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { existsSync, readFileSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";

/** A file that only this package has. */
const mark = "share/nixpkgs-sonames.tsv";

// A bundler that turns ES modules into CommonJS leaves import.meta.url undefined, or sets it to where the module was.
// With `node --eval` and in a worker of that kind, Node has a global __dirname, which is ".".
const here =
  typeof __dirname === "string" && isAbsolute(__dirname)
    ? __dirname
    : dirname(fileURLToPath(import.meta.url));

/**
 * The directory of package.json: above this module or, if a bundler has moved the code out of the package, the folder
 * `fixelf` beside the bundle.
 */
export const packageDirectory: string = above(here) ?? join(here, "fixelf");

function above(directory: string): string | null {
  if (existsSync(join(directory, "package.json")))
    return existsSync(join(directory, mark)) ? directory : null;
  const parent = dirname(directory);
  return parent === directory ? null : above(parent);
}

/** Whether this code is where its package is; if not, a bundler has moved it. */
export function hasPackage(): boolean {
  return existsSync(join(packageDirectory, mark));
}

/** What a bundler's user has to do about that. */
export function movedAway(): string {
  return (
    `fixelf's code has been moved away from its package, and the addon with which it reads files is not ` +
    `beside it.\n\nTell your bundler that fixelf is external, or copy package.json, prebuilds and share of ` +
    `the package into\n\n    ${packageDirectory}\n`
  );
}

/**
 * As in package.json.
 * @throws FixelfError `io` if the code has been moved away from it
 */
export function packageVersion(): string {
  if (!hasPackage()) throw new FixelfError("io", movedAway(), { laidOut: true });
  const file = join(packageDirectory, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
