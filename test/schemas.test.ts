// share/schemas: what commands print as JSON is what is promised, and nothing else.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, it } from "vitest";
import type { Facts } from "../lib/addon/facts.js";
import type { Column } from "../lib/addon/native.js";
import type { FixelfErrorCode } from "../lib/base/errors.js";
import { scanSchema } from "../lib/scan/metadata.js";
import type { PartsProblem } from "../lib/scan/parts.js";
import { scan } from "../lib/scan/scan.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

interface Schema {
  $id: string;
  $defs: Record<string, Schema>;
  type?: string | string[];
  enum?: string[];
  pattern?: string;
  items: Schema;
  properties: Record<string, Schema>;
}

/** The same, with no field but those that it names: readers may meet more, tests may not. */
function closed<Part>(part: Part): Part {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(closed) as Part;
  const whole = Object.fromEntries(
    Object.entries(part).map(([name, each]) => [name, closed(each)]),
  );
  return ("properties" in part ? { ...whole, additionalProperties: false } : whole) as Part;
}

const folder = new URL("../share/schemas/", import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));
const schemaOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Schema;
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
const validators = new Map(names.map((name) => [name, ajv.compile(closed(schemaOf(name)))]));

function expectValid(name: string, document: unknown): void {
  const validate = validators.get(name) as ValidateFunction;
  validate(document);
  expect({ document, errors: validate.errors ?? [] }).toEqual({ document, errors: [] });
}

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);
const print = (...words: string[]) => fixelf(["scan", ...words]).stdout;

describe("JSON", needs("gcc"), () => {
  let lines: unknown[];

  beforeAll(() => {
    compile(at("tree/program"), "int main(void) { return 0; }", "-Wl,--enable-new-dtags,-rpath,/a");
    compile(at("tree/lib.so"), "int f(void) { return 0; }", "-shared", "-fPIC", "-Wl,-soname,l");
    compile(at("tree/static"), "int main(void) { return 0; }", "-static", "-Wl,--build-id=none");
    compile(at("tree/object.o"), "int f(void) { return 0; }", "-c");
    writeFileSync(
      at("tree/payload"),
      Buffer.concat([readFileSync(at("tree/static")), Buffer.from("behind")]),
    );
    writeFileSync(at("tree/torn"), readFileSync(at("tree/program")).subarray(0, 100));
    writeFileSync(
      Buffer.concat([Buffer.from(`${at("tree/")}`), Buffer.from([0xff])]),
      readFileSync(at("tree/lib.so")),
    );
    lines = print(at("tree"), "--json")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  });

  it("has schemas whose names say which they are", () => {
    for (const name of names) expect(schemaOf(name).$id).toBe(`fixelf.${name}/1`);
    expect(schemaOf("scan").$id).toBe(scanSchema);
  });

  it("of each row of a scan, and of what it cannot read", () => {
    expect(lines).toHaveLength(7);
    for (const line of lines) expectValid("scan", line);
    expect(lines.filter((line) => "error" in (line as object))).toHaveLength(1);
  });

  it("of a summary, and of a check", () => {
    expectValid("scan-summary", JSON.parse(print(at("tree"), "--summary", "--json")));
    print(at("tree"), "--shard", "1/3", "--format", "parquet", "--output", at("out/1.parquet"));
    print(at("tree"), "--shard", "1/3", "--format", "arrow", "--output", at("out/1.arrow"));
    writeFileSync(at("out/2.parquet"), "no Parquet");
    const checked = JSON.parse(print("--check", at("out"), "--json"));
    expect(checked.problems.length).toBe(3);
    expectValid("scan-check", checked);
  });

  it("of which a field more, less or of another type is none", () => {
    const validate = validators.get("scan") as ValidateFunction;
    const [{ soname: _, ...less }, line] = lines as [object & { soname: unknown }, object];
    expect(
      [less, { ...line, more: 1 }, { ...line, size: "1" }].map((one) => validate(one)),
    ).toEqual([false, false, false]);
  });

  it("has the columns of a scan, each of its type", async () => {
    const { facts } = schemaOf("scan").$defs as { facts: Schema };
    for await (const batch of scan([at("tree")]))
      for (const column of batch.columns) {
        const schema = fieldOf(facts, places[column.name] ?? column.name);
        expect([column.name, typesOf(schema)]).toEqual([column.name, jsonType(column)]);
      }
  });

  it("has the names that the types allow", () => {
    const { facts, failure } = schemaOf("scan").$defs as Record<string, Schema>;
    const { type, relro, dynamicTable } = (facts as Schema).properties as Record<string, Schema>;
    expect([...(type?.enum ?? [])].sort()).toEqual(Object.keys(types).sort());
    expect([...(relro?.enum ?? [])].sort()).toEqual(Object.keys(relros).sort());
    expect([...(dynamicTable?.enum ?? [])].sort()).toEqual(Object.keys(dynamicTables).sort());
    expect([...(failure?.properties.error?.enum ?? [])].sort()).toEqual(Object.keys(codes).sort());
    const problem = schemaOf("scan-check").properties.problems?.items.properties.kind;
    expect([...(problem?.enum ?? [])].sort()).toEqual(Object.keys(problems).sort());
  });
});

/** Columns whose field has another place: lib/scan/batch.ts. */
const places: Record<string, string> = {
  buildId: "notes.buildId",
  abiTagSystem: "notes.abiTag.operatingSystem",
  abiTagKernel: "notes.abiTag.kernel",
  dlopen: "notes.dlopen",
  x86IsaNeeded: "notes.x86IsaNeeded",
  resolutionCache: "notes.resolutionCache",
  overlayOffset: "overlay.offset",
  overlaySize: "overlay.size",
};

function fieldOf(schema: Schema, place: string): Schema | undefined {
  let at: Schema | undefined = schema;
  for (const name of place.split(".")) at = at?.properties[name];
  return at;
}

function typesOf(schema: Schema | undefined): string | undefined {
  if (schema?.enum !== undefined) return "string";
  return [schema?.type ?? []].flat().find((type) => type !== "null");
}

function jsonType({ name, type }: Column): string {
  if (name === "abiTagKernel") return "array";
  if (name === "entry") return "string";
  if (type === "text") return "string";
  if (type === "list") return "array";
  return type === "boolean" ? "boolean" : "integer";
}

// All names of a union, or it does not compile.
const types: Record<Facts["type"], true> = {
  executable: true,
  pie: true,
  "shared-library": true,
  static: true,
  "static-pie": true,
  relocatable: true,
  core: true,
  "debug-information": true,
  other: true,
};
const relros: Record<Facts["relro"], true> = { none: true, partial: true, full: true };
const dynamicTables: Record<Facts["dynamicTable"], true> = {
  present: true,
  unread: true,
  none: true,
};
const problems: Record<PartsProblem["kind"], true> = {
  unreadable: true,
  unknown: true,
  version: true,
  schema: true,
  "missing-shard": true,
  "repeated-shard": true,
};
const codes: Record<FixelfErrorCode, true> = {
  "not-found": true,
  "permission-denied": true,
  "not-a-regular-file": true,
  "not-elf": true,
  truncated: true,
  malformed: true,
  unsupported: true,
  changed: true,
  "no-space": true,
  busy: true,
  "limit-exceeded": true,
  "no-undo-record": true,
  "in-store": true,
  unsolvable: true,
  "verification-failed": true,
  cancelled: true,
  "too-many-open-files": true,
  "too-many-processes": true,
  usage: true,
  io: true,
};
