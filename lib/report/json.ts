// JSON for programs: one document, stable field names, bigint as hexadecimal.

/** Like JSON.stringify, but a bigint becomes "0x…". */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, field: unknown) => (typeof field === "bigint" ? `0x${field.toString(16)}` : field),
    2,
  );
}
