// Arrow IPC, the file format: the columns as they are.
import {
  AsyncByteQueue,
  Bool,
  type Data,
  type DataType,
  Field,
  List,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint8,
  Uint32,
  Uint64,
  Utf8,
} from "apache-arrow";
import type { Column } from "../../addon/native.js";
import { takeRows } from "../../scan/take.js";
import type { Selection } from "./format.js";

export async function* arrow(selections: AsyncIterable<Selection>): AsyncGenerator<Uint8Array> {
  const written = new WrittenParts();
  const writer = new RecordBatchFileWriter();
  let schema: Schema | undefined;
  for await (const { batch, rows } of selections) {
    const all = rows.length === batch.length;
    const columns = all ? batch.columns : batch.columns.map((column) => takeRows(column, rows));
    if (schema === undefined) {
      schema = new Schema(columns.map((column) => new Field(column.name, typeOf(column), true)));
      writer.reset(written, schema);
    }
    if (rows.length === 0) continue;
    const children = columns.map(dataOf);
    const data = makeData({ type: new Struct(schema.fields), length: rows.length, children });
    writer.write(new RecordBatch(schema, data));
    yield* written.take();
  }
  writer.finish();
  yield* written.take();
}

/** Hands over at once what the writer would else keep until somebody asks: memory stays flat. */
class WrittenParts extends AsyncByteQueue<Uint8Array> {
  #parts: Uint8Array[] = [];

  override write(part: Uint8Array): void {
    if (part.byteLength > 0) this.#parts.push(part.slice());
  }

  take(): Uint8Array[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }
}

function typeOf({ type, children }: Column): DataType {
  const fields = () => children.map((child) => new Field(child.name, typeOf(child), true));
  switch (type) {
    case "text":
      return new Utf8();
    case "boolean":
      return new Bool();
    case "uint8":
      return new Uint8();
    case "uint32":
      return new Uint32();
    case "uint64":
      return new Uint64();
    case "list":
      return new List(fields()[0] as Field);
    case "struct":
      return new Struct(fields());
  }
}

function dataOf(column: Column): Data {
  const { length, nulls, validity, offsets, values, children } = column;
  // biome-ignore lint/suspicious/noExplicitAny: makeData has one overload for each type of Arrow
  const shared: any = { type: typeOf(column), length, nullCount: nulls, nullBitmap: validity };
  switch (column.type) {
    case "text":
      return makeData({ ...shared, valueOffsets: offsets, data: values });
    case "list":
      return makeData({ ...shared, valueOffsets: offsets, child: dataOf(children[0] as Column) });
    case "struct":
      return makeData({ ...shared, children: children.map(dataOf) });
    default:
      return makeData({ ...shared, data: values });
  }
}
