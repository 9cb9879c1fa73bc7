// Rows for files that could not be read. Counting only the others would make a store look smaller than it is.
import type { Column } from "../addon/native.js";
import { bytesOf } from "../base/bytes.js";
import { ScanBatch } from "./batch.js";
import { packed } from "./packed.js";

/**
 * The batch with two more columns, `error` (a FixelfErrorCode) and `errorMessage`, and after its rows one for each of
 * its failures, which has nothing else but `path` and `storePath`.
 */
export function withUnreadable(batch: ScanBatch): ScanBatch {
  const { failures, length } = batch;
  const rows = length + failures.length;
  const known = failures.length === 0 ? batch.columns : batch.columns.map(extended);
  const none = Array<null>(length).fill(null);
  return new ScanBatch({
    rows,
    columns: [
      ...known,
      textColumn("error", [...none, ...failures.map(({ code }) => code)]),
      textColumn("errorMessage", [...none, ...failures.map(({ message }) => message)]),
    ],
    branches: batch.branchColumn,
    failures,
    links: batch.links,
    lines: batch.lines,
    unreadable: failures.length,
  });

  function extended(column: Column): Column {
    const { name } = column;
    if (name !== "path" && name !== "storePath") return withNulls(column, failures.length);
    const before = Array.from({ length }, (_, row) => batch.value(name, row) as string | null);
    return textColumn(name, [...before, ...failures.map((failure) => failure[name])]);
  }
}

/** Whether a row is for a file that was read. */
export function isRead({ length, unreadable }: ScanBatch, row: number): boolean {
  return row < length - unreadable;
}

/** Whether a field in a row was read from the file, or is known without reading it. */
export function isKnown(batch: ScanBatch, row: number, field: string): boolean {
  return isRead(batch, row) || knownUnread.has(field);
}

const knownUnread = new Set(["path", "name", "storePath", "error", "errorMessage"]);

/** The column with nulls at its end. */
function withNulls(column: Column, count: number): Column {
  const length = column.length + count;
  const validity = new Uint8Array(Math.ceil(length / 8));
  if (column.validity !== null) validity.set(column.validity);
  else setBits(validity, column.length);
  return {
    ...column,
    length,
    nulls: column.nulls + count,
    validity,
    offsets: column.offsets && grown(column.offsets, length + 1, column.offsets.at(-1) ?? 0),
    values: valuesOf(column, length),
    children:
      column.type === "struct"
        ? column.children.map((child) => withNulls(child, count))
        : column.children,
  };
}

function valuesOf({ type, values }: Column, length: number): Column["values"] {
  switch (type) {
    case "boolean":
      return grown(values as Uint8Array, Math.ceil(length / 8), 0);
    case "uint8":
      return grown(values as Uint8Array, length, 0);
    case "uint32":
      return grown(values as Uint32Array, length, 0);
    case "uint64":
      return grown(values as BigUint64Array, length, 0n);
    default:
      return values;
  }
}

type Numbers = Uint8Array | Uint32Array | Int32Array | BigUint64Array;

function grown<Kind extends Numbers>(numbers: Kind, length: number, filling: Kind[number]): Kind {
  const more = new (numbers.constructor as new (length: number) => Kind)(length);
  more.set(numbers as never);
  more.fill(filling as never, numbers.length);
  return more;
}

function setBits(bits: Uint8Array, count: number): void {
  bits.fill(0xff, 0, count >> 3);
  if (count % 8 > 0) bits[count >> 3] = (1 << (count % 8)) - 1;
}

function textColumn(name: string, texts: readonly (string | null)[]): Column {
  const length = texts.length;
  const validity = new Uint8Array(Math.ceil(length / 8));
  let nulls = 0;
  texts.forEach((text, row) => {
    if (text === null) nulls++;
    else validity[row >> 3] = (validity[row >> 3] as number) | (1 << (row & 7));
  });
  const bytes = texts.map((text) => (text === null ? nothing : bytesOf(text)));
  return { name, type: "text", length, nulls, validity, ...packed(bytes), children: [] };
}

const nothing = new Uint8Array(0);
