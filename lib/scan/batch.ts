// What a scan delivers at a time: columns as they came, with rows made only on request.
import type { Facts } from "../addon/facts.js";
import type { Column, NativeBatch } from "../addon/native.js";
import { checkCount, checkMade } from "../base/arguments.js";
import { FixelfError, type FixelfErrorCode } from "../base/errors.js";
import { type Reader, readerOf } from "./reader.js";

/** Facts, and the store path that the file is in. */
export interface ScanRow extends Facts {
  /** The store path that the file is in; null outside a store. */
  storePath: string | null;
}

/** Something below the roots that could not be read. */
export interface ScanFailure {
  /** As a row would name it. */
  path: string;
  /** The kind of error. */
  code: FixelfErrorCode;
  /** A sentence. */
  message: string;
  /** The store path that it is in; null outside a store. */
  storePath: string | null;
}

/** One entry of a root with everything below it; in a store, one store path. */
export interface ScanBranch {
  /** The entry. */
  path: string;
  /** Its rows in the batch. */
  firstRow: number;
  /** How many rows of the batch belong to it. */
  rows: number;
  /** false if more of it follows in the next batch. */
  last: boolean;
}

/** A few hundred ELF files. */
export class ScanBatch implements Iterable<ScanRow> {
  /** Rows. */
  readonly length: number;
  /** In Arrow's memory layout, in schema order. */
  readonly columns: readonly Column[];
  /** What could not be read. */
  readonly failures: readonly ScanFailure[];
  /**
   * With `libraryLinks`: symbolic links that have a library's name, each with its `path` and `target`.
   */
  readonly links: readonly { path: string; target: string }[];
  /** Rows at the end for files that could not be read. @internal */
  readonly unreadable: number;
  readonly #byName: ReadonlyMap<string, Column>;
  readonly #readers = new Map<string, Reader>();
  /** What `branches` is made from. */
  readonly branchColumn: Column;
  /** With `lines`: rows that were read, as JSON; otherwise of length 0. @internal */
  readonly lines: Column;
  #branches: readonly ScanBranch[] | undefined;

  /** @internal */
  constructor(made: NativeBatch & { unreadable?: number }) {
    checkMade("ScanBatch", "the batch", "scan()", made, { rows: "number", columns: "list" });
    const { rows, columns, failures, branches, links, lines, unreadable = 0 } = made;
    this.length = rows;
    this.columns = columns;
    this.failures = failures;
    this.branchColumn = branches;
    this.links = links;
    this.lines = lines;
    this.unreadable = unreadable;
    this.#byName = new Map(columns.map((column) => [column.name, column]));
  }

  /** Which rows came from which entry of a root; made on request. */
  get branches(): readonly ScanBranch[] {
    if (this.#branches === undefined) {
      const { length } = this.branchColumn;
      const read = readerOf(this.branchColumn) as (branch: number) => ScanBranch;
      this.#branches = Array.from({ length }, (_, branch) => read(branch));
    }
    return this.#branches;
  }

  /** A column by its name in the schema. Throws FixelfError `usage` if there is none with that name. */
  column(name: string): Column {
    const column = this.#byName.get(name);
    if (column === undefined) throw new FixelfError("usage", `a scan has no column ${name}`);
    return column;
  }

  /**
   * One field of one row: a string, number, bigint, boolean, array, object or null.
   * @throws FixelfError `usage` if there is no such column or row
   */
  value(name: string, row: number): unknown {
    checkCount("row", row, 0, this.length - 1);
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = readerOf(this.column(name));
      this.#readers.set(name, reader);
    }
    return reader(row);
  }

  /**
   * One row as an object: the same as what `inspect` returns for the file.
   * @throws FixelfError `usage` if there is no such row
   */
  row(row: number): ScanRow {
    const at = <T>(name: string) => this.value(name, row) as T;
    const kernel = at<string | null>("abiTagKernel");
    const overlayOffset = at<bigint | null>("overlayOffset");
    return {
      path: at("path"),
      storePath: at("storePath"),
      size: Number(at("size")),
      class: at("class"),
      byteOrder: at("byteOrder"),
      machine: at("machine"),
      osAbi: at("osAbi"),
      osAbiNumber: at("osAbiNumber"),
      abiVersion: at("abiVersion"),
      type: at("type"),
      entry: at("entry"),
      interpreter: at("interpreter"),
      dynamicTable: at("dynamicTable"),
      soname: at("soname"),
      needed: at("needed"),
      rpath: at("rpath"),
      runpath: at("runpath"),
      noDefaultLibraries: at("noDefaultLibraries"),
      versionsNeeded: at("versionsNeeded"),
      versionsDefined: at("versionsDefined"),
      notes: {
        buildId: at("buildId"),
        abiTag: kernel === null ? null : abiTag(at("abiTagSystem"), kernel),
        dlopen: at("dlopen"),
        x86IsaNeeded: at("x86IsaNeeded"),
        resolutionCache: at("resolutionCache"),
      },
      executableStack: at("executableStack"),
      relro: at("relro"),
      sectionHeaders: at("sectionHeaders"),
      overlay:
        overlayOffset === null
          ? null
          : { offset: Number(overlayOffset), size: Number(at("overlaySize")) },
    };
  }

  *[Symbol.iterator](): Iterator<ScanRow> {
    for (let row = 0; row < this.length; row++) yield this.row(row);
  }
}

function abiTag(operatingSystem: string, kernel: string): Facts["notes"]["abiTag"] {
  return { operatingSystem, kernel: kernel.split(".").map(Number) as [number, number, number] };
}
