// Some rows of a column, as a separate column.
import type { Column } from "../addon/native.js";
import { offsetsOf, packed } from "./packed.js";
import { bit } from "./reader.js";

/** The same column with these rows only, in this order. */
export function takeRows(column: Column, rows: readonly number[]): Column {
  const { validity, offsets, values, children } = column;
  const taken = {
    name: column.name,
    type: column.type,
    length: rows.length,
    nulls: validity === null ? 0 : rows.filter((row) => !bit(validity, row)).length,
    validity: validity && takeBits(validity, rows),
  };
  switch (column.type) {
    case "text": {
      const starts = offsets as Int32Array;
      const bytes = values as Uint8Array;
      const texts = rows.map((row) => bytes.subarray(starts[row], starts[row + 1]));
      return { ...taken, ...packed(texts), children: [] };
    }
    case "list": {
      const starts = offsets as Int32Array;
      const elements: number[] = [];
      const lengths = rows.map((row) => {
        for (let at = starts[row] as number; at < (starts[row + 1] as number); at++)
          elements.push(at);
        return (starts[row + 1] as number) - (starts[row] as number);
      });
      const below = children.map((child) => takeRows(child, elements));
      return { ...taken, offsets: offsetsOf(lengths), values, children: below };
    }
    case "struct": {
      const below = children.map((child) => takeRows(child, rows));
      return { ...taken, offsets: null, values, children: below };
    }
    case "boolean":
      return {
        ...taken,
        offsets: null,
        values: takeBits(values as Uint8Array, rows),
        children: [],
      };
    default: {
      const numbers = values.slice(0, rows.length);
      rows.forEach((row, index) => {
        numbers[index] = values[row] as never;
      });
      return { ...taken, offsets: null, values: numbers, children: [] };
    }
  }
}

function takeBits(bits: Uint8Array, rows: readonly number[]): Uint8Array {
  const taken = new Uint8Array(Math.ceil(rows.length / 8));
  rows.forEach((row, index) => {
    if (bit(bits, row)) taken[index >> 3] = (taken[index >> 3] as number) | (1 << (index & 7));
  });
  return taken;
}
