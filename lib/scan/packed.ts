// A column's values one after another, and where each begins (Arrow, "Variable-size Binary Layout").

/** Where items of the given lengths begin, and the end. */
export function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, index) => {
    offsets[index + 1] = (offsets[index] as number) + length;
  });
  return offsets;
}

/** The offsets and values for a column of these texts. The bytes are in a buffer of their own. */
export function packed(texts: readonly Uint8Array[]): { offsets: Int32Array; values: Uint8Array } {
  const offsets = offsetsOf(texts.map((text) => text.length));
  const values = new Uint8Array(offsets[texts.length] as number);
  texts.forEach((text, index) => {
    values.set(text, offsets[index]);
  });
  return { offsets, values };
}
