// Columns for formats whose texts have to be UTF-8: bytes that are not are spelled out, as everywhere (base/bytes.ts).
import { isAscii, isUtf8 } from "node:buffer";
import type { Column } from "../../addon/native.js";
import { spelledOut, textOf } from "../../base/bytes.js";
import { packed } from "../../scan/packed.js";

/** The same column; copied only if one of its texts changes. */
export function spelledOutColumn(column: Column): Column {
  if (column.children.length > 0)
    return { ...column, children: column.children.map(spelledOutColumn) };
  if (column.type !== "text" || isPlain(column)) return column;
  const bytes = column.values as Uint8Array;
  const from = column.offsets as Int32Array;
  const texts = Array.from({ length: column.length }, (_, row) =>
    Buffer.from(spelledOut(textOf(bytes.subarray(from[row], from[row + 1])))),
  );
  return { ...column, ...packed(texts) };
}

/** Whether it certainly is UTF-8; it nearly always is, so this has to be quick. */
function isPlain({ values, offsets, length }: Column): boolean {
  const bytes = values as Uint8Array;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.includes("\\x")) return false;
  if (isAscii(buffer)) return true;
  if (!isUtf8(buffer)) return false;
  // Two invalid texts may be valid when joined, so no text may begin inside a character.
  const from = offsets as Int32Array;
  for (let row = 1; row < length; row++)
    if (((buffer[from[row] as number] ?? 0) & 0xc0) === 0x80) return false;
  return true;
}
