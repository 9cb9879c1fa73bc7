// What the formats of a scan have in common: wanted rows come in, text or bytes go out as they grow.
import type { ScanBatch } from "../../scan/batch.js";

/** A batch, and which of its rows are wanted. */
export interface Selection {
  batch: ScanBatch;
  rows: readonly number[];
}

/** At least one selection comes, if an empty one: it carries the columns. */
export type ScanFormat = (
  selections: AsyncIterable<Selection>,
) => AsyncGenerator<string | Uint8Array>;
