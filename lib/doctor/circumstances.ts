// What a finding may depend on besides the file itself.

import type { ChoiceOptions, CommonOptions } from "../base/options.js";
import { defaultStore } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import type { Subject, Tree } from "../file/tree.js";
import type { Surroundings } from "../judge/surroundings.js";
import type { StoreAnswers } from "../store/lazy.js";
import { unchangedCommand } from "./unchanged.js";

export interface Circumstances extends Surroundings {
  store: StoreAnswers;
  tree: Tree;
  options: CommonOptions;
  /** Whether fix could write to the file in question. */
  changeable: boolean;
}

/** How a command differs from the one that fixes everything that was named. */
interface Mending extends Pick<ChoiceOptions, "interpreter" | "libraryDirectories"> {
  /** What is to be fixed instead. */
  path?: string;
  get?: boolean;
}

/**
 * The command that fixes the subject: along with the whole directory that was named, since one file may need another.
 */
export function fixCommand(
  subject: Subject,
  { options, tree, changeable }: Circumstances,
  { path = tree.directory ? tree.shown : subject.shown, get = false, ...choice }: Mending = {},
): string {
  const all = { ...options, ...choice };
  if (!changeable) return unchangedCommand(subject, all, get);
  return fixelfCommand(get ? "fix --get" : "fix", path, all);
}

/** Whether Nix can get something for this store: it must not add to another system's. */
export function canGet({ options: { root = "", store } }: Circumstances): boolean {
  return root === "" && (store === undefined || store === defaultStore);
}
