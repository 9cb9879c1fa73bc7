// .note.dlopen: the libraries that a file declares it opens by itself while it runs.
// https://systemd.io/ELF_DLOPEN_METADATA/

/** Names of which one is enough, the preferred one first. */
export type Alternatives = readonly string[];

/**
 * What a note's text asks for; null if it is not what the specification requires: an array of objects, each with an
 * array of strings as "soname".
 */
export function parseDlopenNote(text: string): Alternatives[] | null {
  let features: unknown;
  try {
    features = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(features)) return null;
  const wants: Alternatives[] = [];
  for (const feature of features as ({ soname?: unknown } | null)[]) {
    const names = feature?.soname;
    if (!Array.isArray(names) || names.length === 0) return null;
    if (!names.every((name) => typeof name === "string" && name !== "")) return null;
    wants.push(names as string[]);
  }
  return wants;
}
