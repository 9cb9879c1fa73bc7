// Whether the files of a scan form a complete set, for people.
import type { PartsCheck } from "../../scan/parts.js";
import { type Colors, inLines, line, type Shown } from "../shown.js";
import { plural } from "../text.js";

export function partsText({ parts, problems }: PartsCheck, colors: Colors): Shown {
  const found = plural(parts.length, "part");
  if (problems.length === 0) return line`${colors.green("whole")}: ${found}, and none is missing`;
  return inLines([
    line`${colors.red("not whole")}: ${found}, ${plural(problems.length, "problem")}`,
    ...problems.map(({ message }) => line`  ${message}`),
  ]);
}
