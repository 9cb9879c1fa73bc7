// What a finding may depend on beside the file itself.

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
  /** Whether fix could write to the file at hand. */
  changeable: boolean;
}

/** How a command differs from the one that mends all that was named. */
interface Mending extends Pick<ChoiceOptions, "interpreter" | "libraryDirectories"> {
  /** What is to be fixed instead of it. */
  path?: string;
  get?: boolean;
}

/** The command that mends the subject: with all of the directory that was named, since a file may need another. */
export function fixCommand(
  subject: Subject,
  { options, tree, changeable }: Circumstances,
  { path = tree.directory ? tree.shown : subject.shown, get = false, ...choice }: Mending = {},
): string {
  const all = { ...options, ...choice };
  if (!changeable) return unchangedCommand(subject, all, get);
  return fixelfCommand(get ? "fix --get" : "fix", path, all);
}

/** Whether Nix can get something for this store: another system's is not for it to fill. */
export function canGet({ options: { root = "", store } }: Circumstances): boolean {
  return root === "" && (store === undefined || store === defaultStore);
}
