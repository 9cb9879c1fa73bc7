// Where a test file writes: one directory, which is removed when its tests have ended. Indexes and undo records are
// written there too, since tests make stores by the dozen, which do not belong in a user's home.
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** Where the user keeps what can be made again. */
export const userCache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

export const scratchRoot = realpathSync(mkdtempSync(join(tmpdir(), "fixelf-test-")));
// Some tests start programs as another user.
chmodSync(scratchRoot, 0o755);
const made = [scratchRoot];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

let count = 0;
process.env.XDG_CACHE_HOME = scratchDirectory();
process.env.XDG_STATE_HOME = scratchDirectory();

/**
 * A new directory. Its path has no symbolic link in it, and is the same in each run except for `scratchRoot`, unless it
 * is to be below another directory of this machine.
 */
export function scratchDirectory(parent = scratchRoot): string {
  if (!parent.startsWith(scratchRoot)) {
    const directory = mkdtempSync(join(parent, "fixelf-test-"));
    made.push(directory);
    return directory;
  }
  const directory = join(parent, String(++count));
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  return directory;
}
