// What the formats of a scan have in common: wanted rows come in, text or bytes go out as they grow.
import type { ScanBatch } from "../../scan/batch.js";

/** A batch with its unreadable files, and which of its rows are wanted. */
export interface Selection {
  batch: ScanBatch;
  rows: readonly number[];
}

/** What is written into the file beside the rows, where a format has a place for it. */
export type Metadata = ReadonlyMap<string, string>;

/** At least one selection comes, if an empty one: it carries the columns. */
export type ScanFormat = (
  selections: AsyncIterable<Selection>,
  metadata: Metadata,
) => AsyncGenerator<string | Uint8Array>;
