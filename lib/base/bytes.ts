// Names are bytes. Nothing on Linux guarantees that a file's name, or a name in an ELF file, is UTF-8, and a string
// holds UTF-16 units. So a byte that is not part of valid UTF-8 becomes a lone surrogate in a string, U+DC80 to U+DCFF,
// from which the byte can be recovered (PEP 383, "surrogateescape"); native/addon/text.hpp has the same rule. Every
// name comes back as it was, two names that differ are two strings, and cutting and joining strings keeps working. What
// leaves the program goes through one of two functions: `bytesOf`, or `spelledOut` for text.
import { isUtf8 } from "node:buffer";
import { checkBytes, checkText } from "./arguments.js";

/**
 * The string for some bytes.
 * @throws FixelfError `usage` if they are not bytes
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
 * The bytes that a string stands for: those from which `textOf` made it.
 * @throws FixelfError `usage` if it is not a string
 */
export function bytesOf(text: string): Uint8Array {
  checkText("bytesOf", "the text", text);
  return bufferOf(text);
}

/**
 * The same as a Node Buffer, which TypeScript only knows with Node's types: so it is not in any public type.
 * @internal
 */
export function bufferOf(text: string): Buffer {
  if (isUnicode(text)) return Buffer.from(text);
  const parts = text.split(escapedBytes).map((part, index) =>
    // A pattern with a group leaves its matches between the other parts.
    index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, "latin1"),
  );
  return Buffer.concat(parts);
}

/** Whether no byte in it is escaped: then it can be passed to code that does not know the escapes. */
export function isUnicode(text: string): boolean {
  return text.isWellFormed();
}

/** With "u", halves of pairs do not match. "latin1" takes the lower byte of a unit. */
const escapedBytes = /([\udc80-\udcff]+)/u;

/**
 * The same as text that any format can hold: a byte that is not UTF-8 as "\xe9". If a name contains the characters of
 * such an escape, their backslash becomes "\x5c", so that here, too, two names never become one text.
 */
export function spelledOut(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(toBeSpelledOut, (found) => {
    const byte = found === "\\" ? 0x5c : found.charCodeAt(0) & 0xff;
    return `\\x${byte.toString(16)}`;
  });
}

/** Whether `spelledOut` leaves it unchanged. */
export function isPlain(text: string): boolean {
  return isUnicode(text) && !(text.includes("\\x") && text.search(toBeSpelledOut) !== -1);
}

/** A pattern for a backslash that belongs to the name and, with what follows, looks like such an escape. */
export const likeEscape = String.raw`\\(?=x(?:5c|[89a-f][0-9a-f]))`;

const toBeSpelledOut = new RegExp(`[\\udc80-\\udcff]|${likeEscape}`, "gu");

/** The length of the well-formed sequence that begins there (Unicode, table 3-7); 0 if there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  for (const length of [1, 2, 3, 4])
    if (at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length))) return length;
  return 0;
}
