// What a scan's formats have in common: wanted rows come in, text or bytes go out as they accumulate.
import type { ScanBatch } from "../../scan/batch.js";

/** A batch with its unreadable files, and which of its rows are wanted. */
export interface Selection {
  batch: ScanBatch;
  rows: readonly number[];
}

/** What is written into the file besides the rows, if the format has a place for it. */
export type Metadata = ReadonlyMap<string, string>;

/** There is at least one selection, even if it is empty: it carries the columns. */
export type ScanFormat = (
  selections: AsyncIterable<Selection>,
  metadata: Metadata,
) => AsyncGenerator<string | Uint8Array>;
