// Names are bytes. On Linux nothing says that a file's name, or a name in an ELF file, is UTF-8, and a string
// holds UTF-16 units. So a byte that is part of no valid UTF-8 is a lone surrogate in a string, U+DC80 to
// U+DCFF, from which the byte comes back (PEP 383, "surrogateescape"); native/addon/text.hpp has the same rule.
// Every name comes back as it was, two names that differ are two strings, and whatever cuts and joins
// strings keeps working. What leaves the program takes one of two ways: `bytesOf`, or `spelledOut` for text.
import { isUtf8 } from "node:buffer";
import { checkBytes, checkText } from "./arguments.js";

/**
 * The string for some bytes.
 * @throws FixelfError `usage` where they are no bytes
 */
export function textOf(bytes: Uint8Array): string {
  checkBytes("textOf", "the bytes", bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString("utf8");
  let text = "";
  for (let at = 0; at < buffer.length; ) {
    const length = sequenceLength(buffer, at);
    text +=
      length === 0
        ? String.fromCharCode(0xdc00 + (buffer[at] as number))
        : buffer.toString("utf8", at, at + length);
    at += Math.max(length, 1);
  }
  return text;
}

/**
 * The bytes that a string is for: what `textOf` made it of.
 * @throws FixelfError `usage` where it is no string
 */
export function bytesOf(text: string): Uint8Array {
  checkText("bytesOf", "the text", text);
  return bufferOf(text);
}

/**
 * The same as Node has it, which TypeScript knows only beside Node's types: so it is in no public type.
 * @internal
 */
export function bufferOf(text: string): Buffer {
  if (isUnicode(text)) return Buffer.from(text);
  const parts = text.split(escapedBytes).map((part, index) =>
    // A pattern with a group leaves what it matched between the others.
    index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, "latin1"),
  );
  return Buffer.concat(parts);
}

/** Whether no byte of it is escaped: then it can be handed to what knows nothing of the escapes. */
export function isUnicode(text: string): boolean {
  return !escapedByte.test(text);
}

/** With "u", halves of pairs are none. "latin1" takes the lower byte of a unit. */
const escapedByte = /[\udc80-\udcff]/u;
const escapedBytes = /([\udc80-\udcff]+)/u;

/**
 * The same as text that any format can hold: a byte that is no UTF-8 as "\xe9". Where a name holds the
 * characters of such an escape, their backslash is "\x5c", so that here, too, two names are never one text.
 */
export function spelledOut(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(toBeSpelledOut, (found) => {
    const byte = found === "\\" ? 0x5c : found.charCodeAt(0) & 0xff;
    return `\\x${byte.toString(16)}`;
  });
}

/** Whether `spelledOut` leaves it as it is. */
export function isPlain(text: string): boolean {
  return isUnicode(text) && !(text.includes("\\x") && text.search(toBeSpelledOut) !== -1);
}

const toBeSpelledOut = /[\udc80-\udcff]|\\(?=x(?:5c|[89a-f][0-9a-f]))/gu;

/** The length of the well-formed sequence that begins there (Unicode, table 3-7); 0 where there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  for (const length of [1, 2, 3, 4])
    if (at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length))) return length;
  return 0;
}
