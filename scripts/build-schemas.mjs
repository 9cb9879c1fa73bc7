// Generates share/schemas from lib/report/documents.ts: JSON Schema (2020-12) for what commands print as JSON.
//
//     node scripts/build-schemas.mjs [DIRECTORY]
//
// Descriptions are the types' comments. What the types do not express but lib/report/text.ts does is added here: a
// bigint is hexadecimal, and a text that is not UTF-8 is accompanied by its bytes.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SymbolFlags, TypeFlags } from "typescript/unstable/sync";
import { projectOf, top } from "./typescript.mjs";

const directory = resolve(process.argv[2] ?? join(top, "share/schemas"));

const bytes = {
  type: "string",
  contentEncoding: "base64",
  description: "The bytes of the text beside it, which are not UTF-8: docs/names.md.",
};
const bytesOfEach = {
  type: "array",
  items: { type: ["string", "null"], contentEncoding: "base64" },
  description: "The same of each text of the list beside it; null for those that are UTF-8.",
};

const { checker, program } = projectOf("tsconfig.json");
const file = program.getSourceFile(join(top, "lib/report/documents.ts"));
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file));
const membersOf = (name) => {
  const symbol = exported.find((each) => each.name === name);
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
};
mkdirSync(directory, { recursive: true });
for (const name of readdirSync(directory))
  if (name.endsWith(".json")) rmSync(join(directory, name));
for (const member of membersOf("Documents")) write(member, true);
for (const member of membersOf("Lines")) write(member, false);

/** `isNamed`: whether the first field names the schema. */
function write(member, isNamed) {
  const $id = `fixelf.${member.name}/1`;
  const definitions = new Map();
  const schema = schemaOf(checker.getTypeOfSymbol(member), definitions);
  const whole = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id,
    title: commentOf(member),
    ...(isNamed ? withName(schema, $id, definitions) : schema),
    $defs: Object.fromEntries(
      [...definitions]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, { schema }]) => [name, schema]),
    ),
  };
  writeFileSync(join(directory, `${member.name}.json`), `${JSON.stringify(whole, null, 2)}\n`);
}

function withName(schema, $id, definitions) {
  if (schema.anyOf) return { anyOf: schema.anyOf.map((each) => withName(each, $id, definitions)) };
  if (schema.$ref) {
    const name = schema.$ref.slice("#/$defs/".length);
    const { schema: definition } = definitions.get(name);
    definitions.delete(name);
    return withName(definition, $id, definitions);
  }
  const { description: _, ...rest } = schema;
  return {
    ...rest,
    properties: { schema: { const: $id }, ...schema.properties },
    required: ["schema", ...schema.required],
  };
}

function schemaOf(type, definitions) {
  if (type.isUnionType()) return named(type.getAliasSymbol(), type, unionOf, definitions);
  if (type.isStringLiteralType() || type.isNumberLiteralType()) return { const: type.value };
  if (type.flags & TypeFlags.BooleanLiteral)
    return { const: checker.typeToString(type) === "true" };
  if (type.flags & TypeFlags.String) return { type: "string" };
  // Sizes, counts and positions; all of them are whole numbers.
  if (type.flags & TypeFlags.Number) return { type: "integer", minimum: 0 };
  if (type.flags & TypeFlags.Boolean) return { type: "boolean" };
  if (type.flags & TypeFlags.BigInt) return { type: "string", pattern: "^0x[0-9a-f]{1,16}$" };
  if (type.flags & TypeFlags.Null) return { type: "null" };
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type).map((each) => schemaOf(each, definitions));
    return { type: "array", prefixItems: items, minItems: items.length, items: false };
  }
  if (checker.isArrayType(type)) {
    const [each] = checker.getTypeArguments(type);
    return { type: "array", items: schemaOf(each, definitions) };
  }
  return objectOf(type, definitions);
}

function unionOf(type, definitions) {
  const present = type.getTypes().filter((each) => !(each.flags & TypeFlags.Undefined));
  const schemas = present.map((each) => schemaOf(each, definitions));
  const constants = schemas.filter((schema) => "const" in schema).map((schema) => schema.const);
  const others = schemas.filter((schema) => !("const" in schema));
  if (constants.includes(true) && constants.includes(false)) {
    others.push({ type: "boolean" });
    constants.splice(
      0,
      constants.length,
      ...constants.filter((value) => typeof value !== "boolean"),
    );
  }
  const isNullable = others.some((schema) => schema.type === "null");
  const rest = others.filter((schema) => schema.type !== "null");
  if (constants.length > 0)
    rest.push({ enum: isNullable ? [...constants.sort(), null] : constants.sort() });
  const [only, ...more] = rest;
  if (more.length > 0)
    return { anyOf: isNullable && constants.length === 0 ? [...rest, { type: "null" }] : rest };
  if (!isNullable || only.enum) return only;
  return "type" in only
    ? { ...only, type: [only.type, "null"] }
    : { anyOf: [only, { type: "null" }] };
}

function objectOf(type, definitions) {
  const name = type.getSymbol()?.name ?? "__type";
  if (name === "Date") return { type: "string", format: "date-time" };
  if (name === "__type" || type.isIntersectionType()) return inline(type, definitions);
  return named(type.getSymbol(), type, inline, definitions);
}

/** A type with a name of its own is defined once. */
function named(symbol, type, make, definitions) {
  if (symbol === undefined) return make(type, definitions);
  const { name } = symbol;
  if (!definitions.has(name)) {
    definitions.set(name, { type }); // it may refer to itself
    const description = commentOf(symbol);
    const schema = { ...(description && { description }), ...make(type, definitions) };
    definitions.set(name, { type, schema });
  }
  if (definitions.get(name).type.id !== type.id) throw new Error(`two types are called ${name}`);
  return { $ref: `#/$defs/${name}` };
}

function inline(type, definitions) {
  const [index] = checker.getIndexInfosOfType(type);
  if (index !== undefined)
    return { type: "object", additionalProperties: schemaOf(index.valueType, definitions) };
  const properties = {};
  const required = [];
  const texts = [];
  const lists = [];
  for (const member of checker.getPropertiesOfType(type)) {
    const { name } = member;
    const own = checker.getTypeOfSymbol(member);
    const schema = schemaOf(own, definitions);
    const description = commentOf(member);
    properties[name] = { ...(description && { description }), ...schema };
    if (!(member.flags & SymbolFlags.Optional)) required.push(name);
    if (isText(schema)) texts.push(name);
    else if (schema.items && isText(schema.items)) lists.push(name);
  }
  if (Object.keys(properties).length === 0 || "length" in properties)
    throw new Error(`${checker.typeToString(type)} is no type of JSON`);
  const patternProperties = {
    ...beside(texts, "bytes", bytes, definitions),
    ...beside(lists, "bytesOfEach", bytesOfEach, definitions),
  };
  return {
    type: "object",
    properties,
    required,
    ...(Object.keys(patternProperties).length > 0 && { patternProperties }),
  };
}

function isText(schema) {
  return [schema.type].flat().includes("string") && !schema.pattern && !schema.format;
}

function beside(names, definition, schema, definitions) {
  if (names.length === 0) return {};
  definitions.set(definition, { schema });
  return { [`^(${names.join("|")})Bytes$`]: { $ref: `#/$defs/${definition}` } };
}

function commentOf(symbol) {
  const text = symbol?.getDocumentationComment(checker) ?? "";
  return text.replace(/\s+/g, " ").trim();
}
