// How a program is run, and why.
import type { RunPlan } from "../run/plan.js";
import { names } from "../run/start.js";
import { printable } from "./text.js";

/** One line, or, if it is to be the whole of it, one for each thing that there is to know. */
export function runText({ how, why, passedOver, limits }: RunPlan, whole: boolean): string {
  const first = `fixelf runs it ${how === "as-is" ? "as it is" : names[how]}: ${why}`;
  if (!whole) return printable(first);
  const others = passedOver.map((other) => `  not ${names[other.how]}: ${other.why}`);
  return [first, ...others, ...limits.map((limit) => `  ${limit}`)].map(printable).join("\n");
}
