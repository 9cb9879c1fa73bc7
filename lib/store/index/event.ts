// What is said of the index while it is brought up to date.

/** What a person may want to know meanwhile. */
export type IndexEvent =
  | { kind: "scanning"; done: number; total: number }
  /** The index is built anew, or cannot be used. */
  | { kind: "trouble"; message: string };

export type Tell = (event: IndexEvent) => void;
