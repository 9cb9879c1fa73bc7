// Whether the files of a scan are a whole, for people.
import type { PartsCheck } from "../../scan/parts.js";
import { type Colors, plural, printable } from "../text.js";

export function partsText({ parts, problems }: PartsCheck, colors: Colors): string {
  const found = plural(parts.length, "part");
  if (problems.length === 0) return `${colors.green("whole")}: ${found}, and none is missing`;
  return [
    `${colors.red("not whole")}: ${found}, ${plural(problems.length, "problem")}`,
    ...problems.map(({ message }) => `  ${printable(message)}`),
  ].join("\n");
}
