// What is left to do beside a program that was fixed on its own. A program that comes as a tree opens modules from it
// while it runs, and a module lacks what neither its own search path nor the program provides.
import { basename, dirname, join } from "node:path";
import { native } from "../addon/native.js";
import { resolveAllWith } from "../addon/resolutions.js";
import { readdirSync } from "../base/disk.js";
import { sameMachine } from "../file/machine.js";
import { insideRoot, type OtherSystem } from "../file/rooted.js";
import { isShared } from "../file/together.js";
import type { FilePlan } from "./outcome.js";

export interface Neighbours {
  /** The tree, named as its user would name it. */
  directory: string;
  /** How many of its libraries still lack others. */
  lacking: number;
}

/** In a larger tree nothing is counted: this is only a hint, not worth waiting for. */
const mostEntries = 20_000;

/** null if there is nothing to report. */
export async function neighboursOf(
  program: FilePlan,
  system: OtherSystem,
): Promise<Neighbours | null> {
  const { kind, path, loader } = program;
  if (kind !== "program" || loader === null) return null;
  const isInBin = /^s?bin$/.test(basename(dirname(insideRoot(path, system).host)));
  const directory = isInBin ? join(dirname(path), "..") : dirname(path);
  const tree = insideRoot(directory, system).host;
  if (isShared(tree)) return null;
  const found = librariesBelow(tree, isInBin);
  if (found === null || found.length === 0) return null;
  const files = new native.Files(system.root ?? "");
  const placed = [program.output, ...found].map((host) => insideRoot(host, system));
  for (const { outside, host } of placed) if (outside) files.passThrough(host);
  const [own, ...others] = placed.map((each) => each.path);
  const facts = files.look(own as string).facts;
  if (facts === null) return null;
  const fitting = others.filter((each) => {
    const library = files.look(each).facts;
    return library?.type === "shared-library" && sameMachine(library, facts);
  });
  const options = { interpreter: loader, opener: own as string, tried: false };
  const answers = await resolveAllWith(files, fitting, options);
  const lacking = answers.filter(
    (answer) =>
      answer.status === "fulfilled" &&
      answer.value.libraries.some(({ path: at, optional }) => at === null && !optional),
  );
  return lacking.length === 0 ? null : { directory, lacking: lacking.length };
}

/**
 * Files with a library's name. For a program that is not in a "bin" directory: only those in its directory, and those
 * below subdirectories named "lib…". null if there are too many to look through.
 */
function librariesBelow(tree: string, whole: boolean): string[] | null {
  const libraries: string[] = [];
  const waiting = [tree];
  let entries = 0;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of entriesOf(directory)) {
      if (++entries > mostEntries) return null;
      const path = join(directory, entry.name);
      const isSearched = whole || directory !== tree || entry.name.startsWith("lib");
      if (entry.isDirectory()) {
        if (isSearched) waiting.push(path);
      } else if (entry.isFile() && native.looksLikeLibrary(entry.name)) libraries.push(path);
    }
  }
  return libraries;
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // not readable by this user
  }
}
