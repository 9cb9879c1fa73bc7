// JSON for programs: one document, stable field names, bigint as hexadecimal.
import { jsonText } from "./text.js";

/** Formatted for reading. */
export function toJson(value: unknown): string {
  return jsonText(value, 2);
}
