// How a program is run, and why.
import type { RunPlan } from "../run/plan.js";
import { names } from "../run/start.js";
import { inLines, line, type Shown } from "./shown.js";

/** One line, or with `whole`, one for each thing there is to know. */
export function runText(plan: RunPlan, whole: boolean): Shown {
  const { how, why, passedOver, unserved, limits } = plan;
  const first = `fixelf runs it ${how === "as-is" ? "as it is" : names[how]}: ${why}`;
  if (!whole) return line`${first}`;
  const others = passedOver.map((other) => `not ${names[other.how]}: ${other.why}`);
  const more = [...others, ...unserved, ...limits].map((each) => line`  ${each}`);
  return inLines([line`${first}`, ...more]);
}

/** A line for each reason why something from `--with` is missing. */
export function unservedText({ unserved }: RunPlan): Shown {
  return inLines(unserved.map((each) => line`fixelf: ${each}`));
}
