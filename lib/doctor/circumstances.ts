// What a finding may depend on beside the file itself.

import type { CommonOptions } from "../base/options.js";
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
export function fixCommand(subject: Subject, { options, tree }: Circumstances): string {
  return fixelfCommand("fix", tree.directory ? tree.shown : subject.shown, options);
}
