// What has to be said besides the variables: what is missing, and what else there is to do.

import { fixelfCommand, shellWord } from "../../base/shell.js";
import type { Environment } from "../../environment/environment.js";
import type { Farm } from "../../environment/farm.js";
import { linesOfPassedOver } from "../../environment/passed_over.js";
import { startWith, unspeakable } from "../../environment/variables.js";
import { line, type Shown } from "../shown.js";

/** Sentences for stderr. */
export function talkOf(
  { programs, systems, problems, passedOver }: Environment,
  farm: Farm | null,
): Shown[] {
  const lines: string[] = [];
  // What several files have in common is said once.
  const whys = [...problems.map(({ message }) => message), ...passedOver.map(({ why }) => why)];
  const isShared = (why: string) => whys.filter((each) => each === why).length > 1;
  for (const { path, message } of problems)
    if (!isShared(message)) lines.push(`fixelf: ${path}: ${message}`);
  const shared = problems.flatMap(({ path, message: why }) => (isShared(why) ? { path, why } : []));
  lines.push(...linesOfPassedOver([...shared, ...passedOver]).map((each) => `fixelf: ${each}`));
  const needy = programs.filter(({ runsAsItIs }) => !runsAsItIs);
  if (needy.length === 0 && systems.length === 0 && problems.length === 0)
    lines.push("Nothing needs to be set: the programs run as they are.");
  for (const { path, givesRights } of needy)
    if (givesRights) {
      const fix = fixelfCommand("fix", path, {});
      lines.push(
        `${path} gives rights to the user that starts it, and so its loader believes no variable; fix it: ${fix}`,
      );
    }
  const told = new Set<string>();
  for (const { path, file, interpreter, atInterpreter, system, takenByLoaders } of needy) {
    const environment = systems.find((each) => each.system === system);
    if (atInterpreter === "stand-in" || environment === undefined || told.has(interpreter))
      continue;
    told.add(interpreter);
    const what = {
      nothing: `There is nothing at ${interpreter}, where ${path} has its loader`,
      other: `What is at ${interpreter} is no stand-in such as nix-ld`,
      loader: `At ${interpreter} is a loader itself, which takes no notice of these variables`,
    }[atInterpreter];
    const unnamed = farm === null ? unspeakable(environment.directories) : [];
    if (!takenByLoaders || unnamed.length > 0) {
      const why = takenByLoaders ? "" : ", and no loader takes the file itself";
      const named = unnamed.flatMap((directory) => ["--lib", shellWord(directory)]);
      lines.push(`${what}${why}. Without one, start it so:`);
      lines.push(`  ${["fixelf", "run", ...named, shellWord(file)].join(" ")}`);
      continue;
    }
    const { loader, libraryPath } = startWith(environment, farm?.path);
    const words = [loader, ...(libraryPath === "" ? [] : ["--library-path", libraryPath]), file];
    lines.push(`${what}. Without one, start it so:`, `  ${words.map(shellWord).join(" ")}`);
  }
  for (const { reasons, directories } of systems) {
    if (farm !== null) continue;
    lines.push(...reasons.filter((reason) => /would (hide|take)/.test(reason)));
    for (const directory of unspeakable(directories))
      lines.push(`${directory}: a search path can't hold this name; make a farm (--farm)`);
  }
  if (farm !== null && farm.unrooted !== null) lines.push(farm.unrooted);
  return lines.map((each) => line`${each}`);
}
