/** A file of the index is none, or a damaged one. The index is rebuilt. */
export class IndexDamage extends Error {}
