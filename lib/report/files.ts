// Many files in few words: programs by name, the rest by number.
import type { FileKind } from "../file/kind.js";
import { joined, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

export interface NamedFile {
  path: string;
  kind: FileKind;
}

/** Up to this many files, all are named. */
const fewFiles = 3;
const programsNamed = 2;

const nouns: Record<FileKind, [one: string, many: string]> = {
  program: ["program", "programs"],
  library: ["library", "libraries"],
  script: ["script", "scripts"],
  other: ["other file", "other files"],
};

/** "python/bin/python3.11 and 61 libraries". */
export function filesInBrief(files: readonly NamedFile[]): Shown {
  if (files.length <= fewFiles) return enumerated(files.map(({ path }) => path));
  const programs = files.filter(({ kind }) => kind === "program");
  const named = programs.length <= programsNamed ? programs.map(({ path }) => path) : [];
  const counted = (Object.keys(nouns) as FileKind[]).flatMap((kind) => {
    const count = files.filter((file) => file.kind === kind).length;
    const isNamed = kind === "program" && named.length > 0;
    return count === 0 || isNamed ? [] : [plural(count, ...nouns[kind])];
  });
  return enumerated([...named, ...counted]);
}

function enumerated(words: readonly string[]): Shown {
  if (words.length < 2) return joined(words, "");
  return line`${joined(words.slice(0, -1), ", ")} and ${words.at(-1) ?? ""}`;
}
