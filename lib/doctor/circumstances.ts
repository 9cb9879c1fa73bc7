// What a finding may depend on beside the file itself.

import type { CommonOptions } from "../base/options.js";
import { defaultStore } from "../base/options.js";
import { fixelfCommand } from "../base/shell.js";
import type { Subject, Tree } from "../file/tree.js";
import type { Surroundings } from "../judge/surroundings.js";
import type { StoreAnswers } from "../store/lazy.js";

export interface Circumstances extends Surroundings {
  store: StoreAnswers;
  tree: Tree;
  options: CommonOptions;
}

/** The command that mends the subject: with all of the directory that was named, since a file may need another. */
export function fixCommand(
  subject: Subject,
  { options, tree }: Circumstances,
  command: "fix" | "fix --get" = "fix",
): string {
  return fixelfCommand(command, tree.directory ? tree.shown : subject.shown, options);
}

/** Whether Nix can get something for this store: another system's is not for it to fill. */
export function canGet({ options: { root = "", store } }: Circumstances): boolean {
  return root === "" && (store === undefined || store === defaultStore);
}
