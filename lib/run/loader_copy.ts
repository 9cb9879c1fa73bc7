// A copy of a loader that differs in one thing: where it looks for its list of libraries. glibc's reads ld.so.cache,
// musl's a file with directories; both names are strings among its constants.

/**
 * The names of these lists inside a namespace. They are short: a name has to fit where the old one was. The first ends
 * like the loader's own, by which its reader (native/resolve/loader.cpp) recognizes it.
 */
export const ownCache = "/.fx/ld.so.cache";
export const ownPathFile = "/.fx/ld.so.path";

/** Whether a loader is such a copy. */
export function isOwnCopy(loader: Buffer): boolean {
  return loader.includes(`${ownCache}\0`) || loader.includes(`${ownPathFile}\0`);
}

/** null if the loader contains no such string. */
export function withOwnCache(loader: Buffer): Buffer | null {
  return replaced(loader, /\/[\x21-\x7e]*\/ld\.so\.cache\0/g, ownCache);
}

/** The same for musl, which puts a prefix before it: empty, if the loader is in a directory of the root. */
export function withOwnPathFile(loader: Buffer): Buffer | null {
  return replaced(loader, /\/etc\/ld-musl-[\w.-]+\.path\0/g, ownPathFile);
}

function replaced(loader: Buffer, pattern: RegExp, name: string): Buffer | null {
  const changed = Buffer.from(loader);
  let found = false;
  for (const { 0: text, index } of loader.toString("latin1").matchAll(pattern)) {
    if (text.length <= name.length) return null;
    changed.fill(0, index, index + text.length);
    changed.write(name, index, "latin1");
    found = true;
  }
  return found ? changed : null;
}
