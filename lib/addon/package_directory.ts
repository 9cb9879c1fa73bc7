// Where this package lies. Not by a module's own place: the command line is bundled, so that its
// modules lie elsewhere than their sources.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { existsSync, readFileSync } from "../base/disk.js";

/** The directory of the package.json. */
export const packageDirectory = find(dirname(fileURLToPath(import.meta.url)));

/** As package.json has it. */
export function packageVersion(): string {
  const file = join(packageDirectory, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

function find(directory: string): string {
  const above = dirname(directory);
  return existsSync(join(directory, "package.json")) || above === directory
    ? directory
    : find(above);
}
