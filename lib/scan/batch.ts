// What a scan hands over at a time: columns as they came, rows made only when somebody asks.
import type { Facts } from "../facts.js";
import type { Column, NativeBatch } from "../native.js";

/** Facts, and the store path that the file lies in. */
export interface ScanRow extends Facts {
  /** null outside a store. */
  storePath: string | null;
}

/** Something below the roots that could not be read. */
export type ScanFailure = NativeBatch["failures"][number];

/** One entry of a root with all that lies below it; in a store, one store path. */
export type ScanBranch = NativeBatch["branches"][number];

/** Some hundred ELF files. */
export class ScanBatch implements Iterable<ScanRow> {
  /** Rows. */
  readonly length: number;
  /** In Arrow's memory layout, in the order of the schema. */
  readonly columns: readonly Column[];
  readonly failures: readonly ScanFailure[];
  readonly branches: readonly ScanBranch[];
  /** With `libraryLinks`: symbolic links that have a library's name. */
  readonly links: NativeBatch["links"];
  readonly #byName: ReadonlyMap<string, Column>;

  constructor({ rows, columns, failures, branches, links }: NativeBatch) {
    this.length = rows;
    this.columns = columns;
    this.failures = failures;
    this.branches = branches;
    this.links = links;
    this.#byName = new Map(columns.map((column) => [column.name, column]));
  }

  /** A column by its name in the schema. */
  column(name: string): Column {
    const column = this.#byName.get(name);
    if (column === undefined) throw new RangeError(`a scan has no column ${name}`);
    return column;
  }

  /** One field of one row: a string, number, bigint, boolean, array, object or null. */
  value(name: string, row: number): unknown {
    return valueAt(this.column(name), row);
  }

  /** One row as an object; the same that `inspect` says of the file. */
  row(row: number): ScanRow {
    const at = <T>(name: string) => valueAt(this.column(name), row) as T;
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

/** What a column holds in a row. */
export function valueAt(column: Column, row: number): unknown {
  if (column.validity !== null && !bit(column.validity, row)) return null;
  const offsets = column.offsets as Int32Array;
  switch (column.type) {
    case "text":
      return textOf(column.values as Uint8Array, offsets[row] as number, offsets[row + 1] as number);
    case "boolean":
      return bit(column.values as Uint8Array, row);
    case "list": {
      const [item] = column.children as [Column];
      const first = offsets[row] as number;
      const length = (offsets[row + 1] as number) - first;
      return Array.from({ length }, (_, index) => valueAt(item, first + index));
    }
    case "struct":
      return Object.fromEntries(column.children.map((child) => [child.name, valueAt(child, row)]));
    default:
      return column.values[row];
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (start === end) return "";
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}

function bit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1;
}

function abiTag(operatingSystem: string, kernel: string): Facts["notes"]["abiTag"] {
  return { operatingSystem, kernel: kernel.split(".").map(Number) as [number, number, number] };
}
