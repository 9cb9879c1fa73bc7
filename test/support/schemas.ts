// share/schemas, as tests apply them: the output may only have what they name.
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";

export interface Schema {
  $id: string;
  $defs: Record<string, Schema>;
  type?: string | string[];
  enum?: string[];
  pattern?: string;
  items: Schema;
  properties: Record<string, Schema>;
}

/** The same, without fields except those that it names: readers may meet more, tests may not. */
function closed<Part>(part: Part): Part {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(closed) as Part;
  const whole = Object.fromEntries(
    Object.entries(part).map(([name, each]) => [name, closed(each)]),
  );
  return ("properties" in part ? { ...whole, additionalProperties: false } : whole) as Part;
}

export const folder = new URL("../../share/schemas/", import.meta.url);
export const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));
export const schemaOf = (name: string) =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Schema;
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
ajv.addFormat("date-time", (text: string) => new Date(text).toISOString() === text);
export const validators = new Map(names.map((name) => [name, ajv.compile(closed(schemaOf(name)))]));

/** The document has only what the schema with that name allows. */
export function expectValid(name: string, document: unknown): void {
  const validate = validators.get(name) as ValidateFunction;
  validate(document);
  expect({ document, errors: validate.errors ?? [] }).toEqual({ document, errors: [] });
}
