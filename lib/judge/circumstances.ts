// What a finding may depend on beside the file itself.
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import type { CommonOptions } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import { sameMachine } from "../file/machine.js";
import type { Subject, Tree } from "../file/tree.js";
import type { StoreAnswers } from "../store/lazy.js";
import { type StorePlace, storePathOf } from "../store/place.js";

export interface Circumstances {
  place: StorePlace;
  store: StoreAnswers;
  files: NativeFiles;
  tree: Tree;
  options: CommonOptions;
}

/**
 * The interpreter to assume for a library, which names none: that of a program in the same tree,
 * else the loader that would be chosen for it. null leaves the machine's usual one.
 */
export async function interpreterFor(
  facts: Facts,
  { tree, files, store }: Circumstances,
): Promise<string | null> {
  if (facts.type !== "shared-library") return null;
  for (const { facts: other } of tree.subjects) {
    if (other === null || other.interpreter === null || other.type === "shared-library") continue;
    if (sameMachine(other, facts) && files.look(other.interpreter).state === "elf") {
      return other.interpreter;
    }
  }
  const loaders = await store.loaders();
  return loaders.find((loader) => sameMachine(loader, facts))?.path ?? null;
}

/** The store path that a path points into, when that store path is gone. */
export function collectedStorePath(path: string, { place, files }: Circumstances): string | null {
  const storePath = storePathOf(path, place.store);
  if (storePath === null) return null;
  try {
    files.realPath(storePath);
    return null;
  } catch {
    return storePath;
  }
}

/** The command that mends the subject. */
export function fixCommand(subject: Subject, { options }: Circumstances): string {
  return fixelfCommand("fix", subject.shown, options);
}
