// Many files in few words: programs by their names, the rest by number.
import type { FileKind } from "../file/kind.js";
import { plural, printable } from "./text.js";

export interface NamedFile {
  path: string;
  kind: FileKind;
}

/** So many are all named. */
const fewFiles = 3;
const programsNamed = 2;

const nouns: Record<FileKind, [one: string, many: string]> = {
  program: ["program", "programs"],
  library: ["library", "libraries"],
  script: ["script", "scripts"],
  other: ["other file", "other files"],
};

/** "python/bin/python3.11 and 61 libraries". */
export function filesInBrief(files: readonly NamedFile[]): string {
  if (files.length <= fewFiles) return joined(files.map(({ path }) => printable(path)));
  const programs = files.filter(({ kind }) => kind === "program");
  const named = programs.length <= programsNamed ? programs.map(({ path }) => printable(path)) : [];
  const counted = (Object.keys(nouns) as FileKind[]).flatMap((kind) => {
    const count = files.filter((file) => file.kind === kind).length;
    const isNamed = kind === "program" && named.length > 0;
    return count === 0 || isNamed ? [] : [plural(count, ...nouns[kind])];
  });
  return joined([...named, ...counted]);
}

function joined(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
