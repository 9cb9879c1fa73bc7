/** A file of the index is damaged, or not an index file at all. The index is rebuilt. */
export class IndexDamage extends Error {}
