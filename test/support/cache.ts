// An index of its own for each test file: tests make stores by the dozen, and nobody's own cache is
// the place for theirs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const directory = mkdtempSync(join(tmpdir(), "fixelf-cache-"));
process.env.XDG_CACHE_HOME = directory;
afterAll(() => rmSync(directory, { recursive: true, force: true }));
