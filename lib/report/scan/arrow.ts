// Arrow IPC, the file format. Repetitive texts are stored as indexes into a dictionary of their column, which makes a
// file a fraction of the size.
import {
  AsyncByteQueue,
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  Int32,
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
  Vector,
} from "apache-arrow";
import type { Column } from "../../addon/native.js";
import { packed } from "../../scan/packed.js";
import { bit, readerOf } from "../../scan/reader.js";
import { takeRows } from "../../scan/take.js";
import type { Metadata, Selection } from "./format.js";
import { spelledOutColumn } from "./spelled_out.js";

export async function* arrow(
  selections: AsyncIterable<Selection>,
  metadata: Metadata,
): AsyncGenerator<Uint8Array> {
  const written = new WrittenParts();
  const writer = new FileWriter();
  let schema: Schema | undefined;
  let encoders: Encoder[] = [];
  for await (const { batch, rows } of selections) {
    const all = rows.length === batch.length;
    const whole = batch.columns.map(spelledOutColumn);
    const columns = all ? whole : whole.map((column) => takeRows(column, rows));
    if (schema === undefined) {
      encoders = columns.map(encoderOf);
      const fields = columns.map(({ name }, index) => encoders[index]?.field(name) as Field);
      schema = new Schema(fields, new Map(metadata));
      writer.reset(written, schema);
    }
    if (rows.length === 0) continue;
    const children = columns.map((column, index) => encoders[index]?.data(column) as Data);
    const data = makeData({ type: new Struct(schema.fields), length: rows.length, children });
    writer.write(new RecordBatch(schema, data));
    yield* written.take();
  }
  for (const encoder of encoders)
    for (const [id, values] of encoder.dictionaries()) writer.writeDictionary(id, values);
  writer.finish();
  yield* written.take();
}

/** Hands over at once what the writer would otherwise hold until it is asked for: memory use stays flat. */
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

/**
 * Dictionaries come last, whole: a file may have them anywhere (Arrow, "IPC File Format"), and many readers do not
 * accept one in pieces.
 */
class FileWriter extends RecordBatchFileWriter {
  protected override _writeDictionaries(): this {
    return this;
  }

  writeDictionary(id: number, values: Data): void {
    this._writeDictionaryBatch(values, id);
  }
}

/** A column's type in Arrow, and its values. It lives as long as the file is being written. */
abstract class Encoder {
  protected abstract readonly type: DataType;

  abstract data(column: Column): Data;

  /** By id. */
  dictionaries(): [number, Data][] {
    return [];
  }

  field(name: string): Field {
    return new Field(name, this.type, true);
  }

  // biome-ignore lint/suspicious/noExplicitAny: makeData has one overload for each type of Arrow
  protected shared({ length, nulls, validity }: Column): any {
    return { type: this.type, length, nullCount: nulls, nullBitmap: validity };
  }
}

/** A column's data, byte for byte. */
class PlainEncoder extends Encoder {
  protected readonly type: DataType;

  constructor(type: DataType) {
    super();
    this.type = type;
  }

  data(column: Column): Data {
    const { offsets, values } = column;
    return offsets === null
      ? makeData({ ...this.shared(column), data: values })
      : makeData({ ...this.shared(column), valueOffsets: offsets, data: values });
  }
}

class DictionaryEncoder extends Encoder {
  protected readonly type = new Dictionary(new Utf8(), new Int32());
  readonly #indexes = new Map<string, number>();
  /** A placeholder, replaced when the file ends. */
  readonly #none = new Vector([texts([])]);

  data(column: Column): Data {
    const read = readerOf(column);
    const { validity } = column;
    const data = new Int32Array(column.length);
    for (let row = 0; row < column.length; row++)
      if (validity === null || bit(validity, row)) data[row] = this.#indexOf(read(row) as string);
    return makeData({ ...this.shared(column), data, dictionary: this.#none });
  }

  override dictionaries(): [number, Data][] {
    return [[this.type.id, texts([...this.#indexes.keys()])]];
  }

  #indexOf(text: string): number {
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    this.#indexes.set(text, this.#indexes.size);
    return this.#indexes.size - 1;
  }
}

class ListEncoder extends Encoder {
  protected readonly type: DataType;
  readonly #item: Encoder;

  constructor(item: Column) {
    super();
    this.#item = encoderOf(item);
    this.type = new List(this.#item.field(item.name));
  }

  data(column: Column): Data {
    const child = this.#item.data(column.children[0] as Column);
    return makeData({ ...this.shared(column), valueOffsets: column.offsets, child });
  }

  override dictionaries(): [number, Data][] {
    return this.#item.dictionaries();
  }
}

class StructEncoder extends Encoder {
  protected readonly type: DataType;
  readonly #fields: Encoder[];

  constructor(fields: readonly Column[]) {
    super();
    this.#fields = fields.map(encoderOf);
    this.type = new Struct(fields.map(({ name }, at) => this.#fields[at]?.field(name) as Field));
  }

  data(column: Column): Data {
    const children = column.children.map((child, at) => this.#fields[at]?.data(child) as Data);
    return makeData({ ...this.shared(column), children });
  }

  override dictionaries(): [number, Data][] {
    return this.#fields.flatMap((field) => field.dictionaries());
  }
}

/** Nearly every row has its own value: a dictionary would hold them all. */
const unrepeated = new Set(["path", "buildId"]);

function encoderOf(column: Column): Encoder {
  switch (column.type) {
    case "text":
      return unrepeated.has(column.name) ? new PlainEncoder(new Utf8()) : new DictionaryEncoder();
    case "boolean":
      return new PlainEncoder(new Bool());
    case "uint8":
      return new PlainEncoder(new Uint8());
    case "uint32":
      return new PlainEncoder(new Uint32());
    case "uint64":
      return new PlainEncoder(new Uint64());
    case "list":
      return new ListEncoder(column.children[0] as Column);
    case "struct":
      return new StructEncoder(column.children);
  }
}

function texts(values: readonly string[]): Data<Utf8> {
  const { offsets, values: data } = packed(values.map((value) => Buffer.from(value)));
  const length = values.length;
  return makeData({ type: new Utf8(), length, nullCount: 0, valueOffsets: offsets, data });
}
