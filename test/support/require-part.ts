import { describe } from "vitest";

/**
 * `describe`, for tests that need a part which a developer's machine may lack (a Nix store, qemu, a
 * cross compiler). `missing` says what is not there, or is null when all is. The tests of a missing
 * part are skipped by name and reason; in CI, where every part has to be, that is a failure.
 */
export function part(
  name: string,
  missing: string | null,
): (title: string, tests: () => void) => void {
  if (missing === null) return describe;
  if (process.env.CI) throw new Error(`CI lacks ${name}: ${missing}`);
  return (title, tests) => describe.skip(`${title} (skipped, no ${name}: ${missing})`, tests);
}
