// Parquet: row groups of a fixed size, so that the same rows always give the same bytes.
import type { ParquetWriter } from "hyparquet-writer";
import type { Column } from "../../addon/native.js";
import { type Reader, readerOf } from "../../scan/reader.js";
import type { Metadata, Selection } from "./format.js";
import { spelledOutColumn } from "./spelled_out.js";

type Schema = ConstructorParameters<typeof ParquetWriter>[0]["schema"];
type SchemaElement = Schema[number];

const rowsInGroup = 8192;

export async function* parquet(
  selections: AsyncIterable<Selection>,
  metadata: Metadata,
): AsyncGenerator<Uint8Array> {
  // It is an ES module only, which CommonJS can only load by import().
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const bytes = new ByteWriter();
  let file: ParquetWriter | undefined;
  let group: RowGroup | undefined;
  const taken = () => {
    const part = bytes.getBytes().slice();
    bytes.index = 0;
    return part;
  };
  for await (const { batch, rows } of selections) {
    file ??= new ParquetWriter({
      writer: bytes,
      schema: schemaOf(batch.columns),
      createdBy: "fixelf",
      kvMetadata: [...metadata].map(([key, value]) => ({ key, value })),
    });
    group ??= new RowGroup(batch.columns);
    const readers = batch.columns.map((column) => readerOf(spelledOutColumn(column)));
    for (const row of rows) {
      group.add(readers, row);
      if (group.length < rowsInGroup) continue;
      await group.write(file);
      yield taken();
    }
  }
  if (file === undefined || group === undefined) return;
  if (group.length > 0) await group.write(file);
  await file.finish();
  yield taken();
}

/** Rows that wait until there are enough of them. */
class RowGroup {
  readonly #columns: { name: string; data: unknown[] }[];

  constructor(columns: readonly Column[]) {
    this.#columns = columns.map(({ name }) => ({ name, data: [] }));
  }

  get length(): number {
    return this.#columns[0]?.data.length ?? 0;
  }

  /** @param readers one per column */
  add(readers: readonly Reader[], row: number): void {
    for (const [index, { data }] of this.#columns.entries()) data.push(readers[index]?.(row));
  }

  async write(file: ParquetWriter): Promise<void> {
    await file.write({ columnData: this.#columns, rowGroupSize: this.length });
    for (const column of this.#columns) column.data.length = 0;
  }
}

function schemaOf(columns: readonly Column[]): Schema {
  return [
    { name: "scan", num_children: columns.length },
    ...columns.flatMap((column) => elementsOf(column)),
  ];
}

/** Parquet format, "Nested Types": a list is a group with a repeated group of its element. */
function elementsOf(column: Column, name = column.name): SchemaElement[] {
  const shared = { name, repetition_type: "OPTIONAL" } as const;
  const { children } = column;
  switch (column.type) {
    case "text":
      return [{ ...shared, type: "BYTE_ARRAY", converted_type: "UTF8" }];
    case "boolean":
      return [{ ...shared, type: "BOOLEAN" }];
    case "uint8":
      return [{ ...shared, type: "INT32", converted_type: "UINT_8" }];
    case "uint32":
      return [{ ...shared, type: "INT32", converted_type: "UINT_32" }];
    case "uint64":
      return [{ ...shared, type: "INT64", converted_type: "UINT_64" }];
    case "list":
      return [
        { ...shared, converted_type: "LIST", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        ...elementsOf(children[0] as Column, "element"),
      ];
    case "struct":
      return [
        { ...shared, num_children: children.length },
        ...children.flatMap((child) => elementsOf(child)),
      ];
  }
}
