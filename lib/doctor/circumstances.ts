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

/** The command that mends the subject. */
export function fixCommand(subject: Subject, { options }: Circumstances): string {
  return fixelfCommand("fix", subject.shown, options);
}
