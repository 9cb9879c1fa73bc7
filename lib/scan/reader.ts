// From a column's bytes to JavaScript values.
import { isAscii } from "node:buffer";
import type { Column } from "../addon/native.js";
import { textOf } from "../base/bytes.js";

/** The value in a row of a column: a string, number, bigint, boolean, array, object or null. */
export type Reader = (row: number) => unknown;

/** Prepares what all rows share, so that each row costs little. */
export function readerOf(column: Column): Reader {
  const read = presentReader(column);
  const { validity } = column;
  return validity === null ? read : (row) => (bit(validity, row) ? read(row) : null);
}

function presentReader(column: Column): Reader {
  const { values, children } = column;
  const offsets = column.offsets as Int32Array;
  switch (column.type) {
    case "text":
      return textReader(values as Uint8Array, offsets);
    case "boolean":
      return (row) => bit(values as Uint8Array, row);
    case "list": {
      const item = readerOf(children[0] as Column);
      return (row) => {
        const items: unknown[] = [];
        const end = offsets[row + 1] as number;
        for (let index = offsets[row] as number; index < end; index++) items.push(item(index));
        return items;
      };
    }
    case "struct": {
      const fields = children.map((child) => [child.name, readerOf(child)] as const);
      return (row) => {
        const value: Record<string, unknown> = {};
        for (const [name, read] of fields) value[name] = read(row);
        return value;
      };
    }
    default:
      return (row) => values[row];
  }
}

/** Names are nearly always ASCII: then the column is decoded once, and each row is a slice of it. */
function textReader(bytes: Uint8Array, offsets: Int32Array): Reader {
  if (!isAscii(bytes)) return (row) => textOf(bytes.subarray(offsets[row], offsets[row + 1]));
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return (row) => whole.slice(offsets[row], offsets[row + 1]);
}

/** One bit in a bitmap, the lowest in each byte first. */
export function bit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1;
}
