// MurmurHash3_x86_32 (Austin Appleby, public domain) takes four bytes per step, unlike the byte-wise sums, and every
// answer waits for it. It guards against accidents, not malice: what is read belongs to the reader.

/** 32 bits. A file from a machine with the other byte order looks damaged, and is rebuilt. */
export function checksum(bytes: Buffer): number {
  const words = wordsOf(bytes);
  let hash = 0;
  for (let index = 0; index < words.length; index++) {
    hash ^= scrambled(words[index] as number);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= words.length * 4; at--)
    tail = (tail << 8) | (bytes[at] as number);
  hash ^= scrambled(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function wordsOf(bytes: Buffer): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, bytes.length >> 2);
}
