// What makes text safe for where it goes. Names come from files that nobody vouches for: they steer no
// terminal, forge no line, and mean nothing to what reads a format.
import type pc from "picocolors";

export type Colors = ReturnType<typeof pc.createColors>;

/**
 * Control characters (C0, DEL and C1, which terminals take for commands), line and paragraph separators,
 * and what changes the direction of what follows (Unicode, UAX #9).
 */
const steering =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** For a terminal, on one line: what would steer it is spelled out. */
export function printable(text: string): string {
  return text.replace(steering, spelledOut);
}

function spelledOut(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A JSON document; a bigint becomes "0x…". */
export function jsonText(value: unknown, indent = 0): string {
  const text = JSON.stringify(
    value,
    (_key, field: unknown) => (typeof field === "bigint" ? `0x${field.toString(16)}` : field),
    indent,
  );
  return escapedJson(text);
}

/** JSON escapes only C0 in texts, and is often shown on a terminal. Line ends are the document's own. */
export function escapedJson(json: string): string {
  return json.replace(steering, (character) => (character === "\n" ? "\n" : spelledOut(character)));
}

/**
 * A cell of a table of comma-separated values (RFC 4180). Spreadsheets take a text that begins like a
 * formula for one; an apostrophe before it keeps it a text (OWASP, "CSV Injection").
 */
export function csvCell(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "object" ? jsonText(value) : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
