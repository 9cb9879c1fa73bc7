// Where a test file writes: one directory, which goes when its tests have ended. An index is written there
// too, since tests make stores by the dozen, and nobody's own cache is the place for theirs.
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Where the user keeps what can be made again. */
export const userCache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

export const scratchRoot = realpathSync(mkdtempSync(join(tmpdir(), "fixelf-test-")));
// Some tests start programs as another user.
chmodSync(scratchRoot, 0o755);
process.env.XDG_CACHE_HOME = scratchDirectory();
afterAll(() => rmSync(scratchRoot, { recursive: true, force: true }));

/** A new directory. Its path has no symbolic link in it. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(scratchRoot, "in-"));
  chmodSync(directory, 0o755);
  return directory;
}
