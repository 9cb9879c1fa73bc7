// What makes text safe for where it goes. Names come from untrusted files: they must not control a terminal, forge a
// line, or mean anything to what reads a format.
import { bufferOf, isPlain, spelledOut } from "../base/bytes.js";

/**
 * Control characters (C0, DEL and C1, which terminals take as commands), line and paragraph separators, and characters
 * that change the direction of what follows (Unicode, UAX #9).
 */
const steering =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** For a terminal, on one line: control characters and bytes that are not UTF-8 are spelled out. */
export function printable(text: string): string {
  return spelledOut(text).replace(steering, escapeOf);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * A cell in a table of comma-separated values (RFC 4180), which terminals show too. Spreadsheets treat text that begins
 * like a formula as one; an apostrophe in front keeps it text (OWASP, "CSV Injection").
 */
export function csvCell(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "object" ? jsonText(value) : printable(String(value));
  const safe = typeof value === "string" && /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A JSON document; a bigint becomes "0x…", and text that is not UTF-8 is treated as in `withBytes`. */
export function jsonText(value: unknown, indent = 0): string {
  return safeJson(value, (each) => JSON.stringify(each, withoutBigint, indent));
}

/** The same on one line, for values without bigints: not examining each field halves the time. */
export function jsonLine(value: unknown): string {
  return safeJson(value, (each) => JSON.stringify(each));
}

function safeJson(value: unknown, write: (value: unknown) => string): string {
  let text = write(value);
  // JSON.stringify escapes lone surrogates, and every backslash.
  if (text.includes("\\ud") || text.includes("\\\\x")) text = write(withBytes(value));
  // JSON escapes only C0 in texts, and is often shown on a terminal. Line ends belong to the document.
  return text.replace(steering, (character) => (character === "\n" ? "\n" : escapeOf(character)));
}

function withoutBigint(_key: string, field: unknown): unknown {
  return typeof field === "bigint" ? `0x${field.toString(16)}` : field;
}

/**
 * The same, with each text that contains a non-UTF-8 name spelled out and, in an object, accompanied by its bytes in
 * base64: `path` and `pathBytes`. A list of texts is accompanied by a list, with null for those that are unchanged.
 */
function withBytes(value: unknown): unknown {
  if (typeof value === "string") return spelledOut(value);
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const told = [spelledOut(name), withBytes(field)] as const;
    const bytes = bytesBeside(field);
    return bytes === null ? [told] : [told, [`${told[0]}Bytes`, bytes] as const];
  });
  return Object.fromEntries(fields);
}

function bytesBeside(field: unknown): string | (string | null)[] | null {
  if (typeof field === "string") return isPlain(field) ? null : bufferOf(field).toString("base64");
  if (!Array.isArray(field)) return null;
  const each = field.map((item) => (typeof item === "string" ? bytesBeside(item) : null));
  return each.some((bytes) => bytes !== null) ? (each as (string | null)[]) : null;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
