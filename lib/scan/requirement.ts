// `--requires 'GLIBC>=2.38'`: which symbol versions a file needs from its libraries.
import { FixelfError } from "../base/errors.js";
import { compareVersions } from "../file/versions.js";
import { glob } from "./glob.js";
import { neededVersions, releaseOf } from "./needed_versions.js";
import type { RowFilter } from "./where.js";

/**
 * `NAME OP VERSION`, where OP is `>=`, `>`, `=`, `<=` or `<`: some needed version NAME_x satisfies it.
 * Without OP, the whole name of a version, or a glob.
 * @throws FixelfError `usage`
 */
export function parseRequirement(text: string): RowFilter {
  const wanted = versionTest(text);
  return (batch, row) => neededVersions(batch, row).some(wanted);
}

function versionTest(text: string): (name: string) => boolean {
  const match = /^\s*([^<>=\s]+)\s*(>=|<=|>|<|=)\s*([^<>=\s]+)\s*$/.exec(text);
  if (match === null) {
    if (/[<>=]/.test(text) || text.trim() === "")
      throw new FixelfError("usage", `--requires: “${text}” is no NAME>=VERSION`);
    // Bare names of GNU libraries are not versions.
    if (/^(GLIBC|GLIBCXX|CXXABI|GCC)$/.test(text.trim()))
      throw new FixelfError(
        "usage",
        `--requires: ${text.trim()} has no version: '${text.trim()}_*' is any, '${text.trim()}>=2.38' the newer ones`,
      );
    return glob(text.trim());
  }
  const [, name, sign, version] = match as unknown as [string, string, string, string];
  // Compared with anything else, each version would be greater.
  if (!/^\d/.test(version))
    throw new FixelfError("usage", `--requires: ${version} is no version, such as 2.38`);
  const prefix = `${name}_`;
  return (needed) => {
    const since = releaseOf(needed);
    if (!since.startsWith(prefix)) return false;
    const rest = since.slice(prefix.length);
    // GLIBC_PRIVATE is not a comparable version.
    if (!/^\d/.test(rest)) return false;
    const difference = compareVersions(rest, version);
    if (sign === "=") return difference === 0;
    if (sign === ">=") return difference >= 0;
    if (sign === "<=") return difference <= 0;
    return sign === ">" ? difference > 0 : difference < 0;
  };
}
