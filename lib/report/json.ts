// JSON for programs: one document, stable field names, bigint as hexadecimal.
import { jsonText } from "./text.js";

/** Laid out to be read. */
export function toJson(value: unknown): string {
  return jsonText(value, 2);
}
