// Where what `run` prepares is kept: below fixelf's cache, one directory for each content. All of it
// may be deleted at any time.
import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

export function preparedDirectory(kind: "namespace" | "copy", key: string): string {
  const base = process.env.XDG_CACHE_HOME;
  const cache = base?.startsWith("/") ? base : join(homedir(), ".cache");
  return join(cache, "fixelf", "run", kind, key);
}

export function keyOf(...parts: readonly (string | Uint8Array)[]): string {
  const digest = createHash("sha256");
  for (const part of parts) {
    const bytes = Buffer.from(part as Uint8Array);
    digest.update(`${bytes.length}\n`).update(bytes);
  }
  return digest.digest("hex").slice(0, 32);
}

/** Fills a directory that nobody sees before it is whole; one that is there already serves. */
export async function prepareOnce(
  directory: string,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  if (await isThere(directory)) return;
  const unfinished = `${directory}.${process.pid}`;
  await mkdir(dirname(directory), { recursive: true });
  await mkdir(unfinished);
  try {
    await fill(unfinished);
    await rename(unfinished, directory);
  } catch (failure) {
    await rm(unfinished, { recursive: true, force: true });
    // Another run was faster.
    if (!(await isThere(directory))) throw failure;
  }
}

export async function writeFiles(
  directory: string,
  files: Readonly<Record<string, { content: Uint8Array | string; mode: number }>>,
): Promise<void> {
  for (const [name, { content, mode }] of Object.entries(files))
    await writeFile(join(directory, name), content, { mode });
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
