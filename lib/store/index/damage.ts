/** A file of the index is none, or a damaged one. It is built anew. */
export class IndexDamage extends Error {}
