// Which rows of a scan are wanted.
import { checkMade, checkOptions, checkText } from "../base/arguments.js";
import type { ScanBatch } from "./batch.js";
import { BrokenFinder } from "./broken.js";
import { glob } from "./glob.js";
import { knownMachine } from "./known_values.js";
import { parseRequirement } from "./requirement.js";
import { isRead } from "./unreadable.js";
import { parseWhere, type RowFilter } from "./where.js";

/** All given conditions have to hold. */
export interface ScanFilter {
  /** Files that need this library: a soname or a glob. */
  needs?: string;
  /** Files with this soname, or with this file name and no soname; or a glob. */
  provides?: string;
  /** A glob. */
  interpreter?: string;
  /** "x86-64", "aarch64", …, another common name for it, "machine-N" by its number in e_machine, or a glob. */
  machine?: string;
  /** Files that need such a symbol version, such as `GLIBC>=2.38`. */
  requires?: string;
  /** Programs that would not start, and files whose search paths lead nowhere. */
  broken?: boolean;
  /** An expression over the columns. */
  where?: string;
}

/** The wanted rows of a batch, by number. */
export type BatchFilter = (batch: ScanBatch) => Promise<number[]>;

/**
 * Prepares a filter. `root` is another system's root, for what `broken` looks up.
 * @throws FixelfError `usage` if an expression is not understood, or the root is not a string.
 */
export function batchFilter(filter: ScanFilter, root?: string): BatchFilter {
  checkOptions<ScanFilter>("batchFilter", filter, {
    needs: "string",
    provides: "string",
    interpreter: "string",
    machine: "string",
    requires: "string",
    broken: "boolean",
    where: "string",
  });
  if (root !== undefined) checkText("batchFilter", "the root", root);
  const expression = filter.where === undefined ? null : parseWhere(filter.where);
  const tests = rowFilters(filter, expression);
  const finder = filter.broken ? new BrokenFinder(root) : null;
  return async (batch) => {
    checkMade("batchFilter", "the batch", "scan()", batch, { length: "number", columns: "list" });
    const rows: number[] = [];
    for (let row = 0; row < batch.length; row++) {
      if (!isRead(batch, row)) {
        // Whether the other conditions hold cannot be known.
        if (expression?.(batch, row) !== false) rows.push(row);
        continue;
      }
      if (!tests.every((test) => test(batch, row))) continue;
      if (finder !== null && !(await finder.isBroken(batch, row))) continue;
      rows.push(row);
    }
    return rows;
  };
}

function rowFilters(
  { needs, provides, interpreter, machine, requires }: ScanFilter,
  expression: RowFilter | null,
): RowFilter[] {
  const filters: RowFilter[] = [];
  if (machine !== undefined) filters.push(matches("machine", knownMachine(machine, "--machine")));
  if (interpreter !== undefined) filters.push(matches("interpreter", interpreter));
  if (needs !== undefined) {
    const fits = glob(needs);
    filters.push((batch, row) => (batch.value("needed", row) as string[]).some(fits));
  }
  if (provides !== undefined) {
    const fits = glob(provides);
    filters.push((batch, row) => {
      const path = batch.value("path", row) as string;
      const soname = batch.value("soname", row) as string | null;
      return fits(soname ?? path.slice(path.lastIndexOf("/") + 1));
    });
  }
  if (requires !== undefined) filters.push(parseRequirement(requires));
  if (expression !== null) filters.push(expression);
  return filters;
}

function matches(column: string, pattern: string): RowFilter {
  const fits = glob(pattern);
  return (batch, row) => {
    const value = batch.value(column, row) as string | null;
    return value !== null && fits(value);
  };
}
