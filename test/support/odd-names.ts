// Names as an attacker chooses them, as bytes.
import fc from "fast-check";

/** Bytes that may be mistaken for something else: halves of characters, encoded surrogates, our own escapes. */
export const oddBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 3 }),
      fc.string({ unit: "binary", minLength: 1, maxLength: 3 }).map((text) => Buffer.from(text)),
      fc
        .constantFrom("\\xe9", "\\x5c", "\\x5cxe9", "\\", "x", "é", "€", "😀")
        .map((text) => Buffer.from(text)),
      fc.constantFrom([0xed, 0xb2, 0x80], [0xed, 0xa0, 0xbd], [0xc0, 0xaf], [0xf4, 0x90, 0x80]),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

/** What a table of names can hold: each name ends with a NUL. */
export const oddText = oddBytes.map((all) => Buffer.from(all.filter((byte) => byte > 0)));
