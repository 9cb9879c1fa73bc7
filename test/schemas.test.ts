// share/schemas: what commands print as JSON is what is promised, and nothing else.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ValidateFunction } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, it } from "vitest";
import type { Column } from "../lib/addon/native.js";
import type { Diagnosis } from "../lib/index.js";
import { scanSchema } from "../lib/scan/metadata.js";
import { scan } from "../lib/scan/scan.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { checkerScript, fixelf, startFixelf } from "./support/process.js";
import {
  expectValid,
  folder,
  names,
  type Schema,
  schemaOf,
  validators,
} from "./support/schemas.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot, storePath } from "./support/store.js";

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

  it("has schemas whose names identify them", () => {
    for (const name of names) expect(schemaOf(name).$id).toBe(`fixelf.${name}/1`);
    expect(schemaOf("scan").$id).toBe(scanSchema);
  });

  it("of each row of a scan, and of what it cannot read, is valid", () => {
    expect(lines).toHaveLength(7);
    for (const line of lines) expectValid("scan", line);
    expect(lines.filter((line) => "error" in (line as object))).toHaveLength(1);
  });

  it("of a summary, and of a check, is valid", () => {
    expectValid("scan-summary", JSON.parse(print(at("tree"), "--summary", "--json")));
    print(at("tree"), "--shard", "1/3", "--format", "parquet", "--output", at("out/1.parquet"));
    print(at("tree"), "--shard", "1/3", "--format", "arrow", "--output", at("out/1.arrow"));
    writeFileSync(at("out/2.parquet"), "no Parquet");
    const checked = JSON.parse(print("--check", at("out"), "--json"));
    expect(checked.problems.length).toBe(3);
    expectValid("scan-check", checked);
  });

  it("with a field more, less or of another type is invalid", () => {
    const validate = validators.get("scan") as ValidateFunction;
    const [{ soname: _, ...less }, line] = lines as [object & { soname: unknown }, object];
    expect(
      [less, { ...line, more: 1 }, { ...line, size: "1" }].map((one) => validate(one)),
    ).toEqual([false, false, false]);
  });

  it("has a scan's columns, each with its type", async () => {
    const { ScanRow: row } = schemaOf("scan").$defs as { ScanRow: Schema };
    for await (const batch of scan([at("tree")]))
      for (const column of batch.columns) {
        const schema = fieldOf(row, places[column.name] ?? column.name);
        expect([column.name, typesOf(schema)]).toEqual([column.name, jsonType(column)]);
      }
  });
});

it("the schemas are what the types generate", () => {
  const made = join(scratchDirectory(), "schemas");
  const script = fileURLToPath(new URL("../scripts/build-schemas.mjs", import.meta.url));
  const { stderr, code } = checkerScript(script, made);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  expect(readdirSync(made).sort()).toEqual(readdirSync(folder).sort());
  for (const file of readdirSync(made))
    expect(readFileSync(join(made, file), "utf8"), file).toBe(
      readFileSync(new URL(file, folder), "utf8"),
    );
});

describe("every command's JSON is valid", needs("gcc"), () => {
  const nixos = new NixosRoot();
  const app = nixos.in("/opt/app");
  const store = storePath("library");
  const env = { XDG_STATE_HOME: at("state"), XDG_CACHE_HOME: at("cache") };
  const seen = new Set<string>();
  const root = ["--root", nixos.path];
  const main = "int main(void) { return 0; }";
  const foreign = "-Wl,--dynamic-linker=/lib65/ld.so";

  /** Checks the output against the schema, which is the command's own unless another is named. */
  function valid(words: readonly string[], name = `${words[0]}`) {
    const [command = "", ...rest] = words;
    const { stdout, stderr } = fixelf([command, "--json", ...rest], { env });
    seen.add(name);
    expect(stdout, stderr).not.toBe("");
    const document = JSON.parse(stdout);
    expectValid(name, document);
    return document;
  }

  beforeAll(() => {
    mkdirSync(app, { recursive: true });
    const lacked = (name: string) =>
      compile(at(name), `int ${name.replace(/\W/g, "_")};`, "-shared", `-Wl,-soname,${name}`);
    const linked = ["-Wl,--no-as-needed"];
    compile(nixos.in(`${store}/lib/libown.so.1`), main, "-shared", "-Wl,-soname,libown.so.1");
    compile(join(app, "program"), main, foreign);
    compile(
      join(app, "served"),
      main,
      ...[foreign, ...linked, nixos.in(`${store}/lib/libown.so.1`)],
    );
    compile(join(app, "lacking"), main, foreign, ...linked, lacked("libcrypt.so.1"));
    compile(join(app, "never"), main, foreign, ...linked, lacked("libabsent.so.1"));
    compile(join(app, "static"), main, "-static");
    writeFileSync(join(app, "script"), "#!/usr/bin/absent\n", { mode: 0o755 });
    writeFileSync(join(app, "text"), "no program");
    writeFileSync(join(app, "torn"), readFileSync(join(app, "program")).subarray(0, 100));
    // A name that is not UTF-8.
    const odd = Buffer.concat([Buffer.from(`${app}/`), Buffer.from([0xff])]);
    writeFileSync(odd, readFileSync(join(app, "program")), { mode: 0o755 });
  });

  it("before anything is fixed", () => {
    const files = ["program", "torn", "not-there"].map((name) => join(app, name));
    expect(valid(["inspect", ...files]).files).toHaveLength(3);
    const { files: examined } = valid(["doctor", app, ...root]);
    expect(examined.flatMap(({ findings }: Diagnosis) => findings)).not.toEqual([]);
    expect(examined.some((file: object) => "pathBytes" in file)).toBe(true);
    expect(valid(["tree", join(app, "lacking"), ...root]).libraries).not.toEqual([]);
    expect(valid(["tree", join(app, "never"), ...root]).problems).not.toEqual([]);
    const why = (name: string) => valid(["tree", join(app, "served"), "--why", name, ...root]).why;
    expect([why("libown.so.1"), why("none")]).toEqual([expect.anything(), null]);
    expect(valid(["find", "libown.so.1", "libcrypt.so.1", ...root]).sonames).toHaveLength(2);
    valid(["find", "--symbol-version", "GLIBCXX_3.4.32", ...root]);
    expect(valid(["loaders", ...root]).loaders).toHaveLength(1);
    expect(valid(["refs", app, at("not-there")]).paths).toHaveLength(2);
    expect(valid(["env", app, ...root]).systems).not.toEqual([]);
    expect(valid(["env", join(app, "served"), "--farm", at("farm"), ...root]).farm).not.toBeNull();
    valid(["env", join(app, "never"), ...root]);
  });

  it("for what is kept about a store", () => {
    expect(valid(["index", ...root]).index).not.toBeNull();
    expect(valid(["index", "--remove", ...root]).removed).toBe(true);
    valid(["index", "--root", scratchDirectory()]);
    valid(["closure", join(app, "served"), ...root]);
  });

  it("for what is changed, remembered, undone and forgotten", () => {
    expect(valid(["fix", app, "--dry-run", ...root], "plan").files.length).toBeGreaterThan(4);
    const { files } = valid(["fix", app, "--no-gc-root", ...root]);
    const outcomes = new Set(files.map(({ outcome }: { outcome: string }) => outcome));
    expect([...outcomes].sort()).toEqual(["fixed", "refused"]);
    valid(["closure", join(app, "served"), ...root]);
    valid(["doctor", app, ...root]);
    expect(valid(["list"]).records).not.toEqual([]);
    rmSync(join(app, "served"));
    expect(valid(["prune", "--dry-run"]).records).not.toEqual([]);
    valid(["prune"]);
    expect(valid(["undo", app, ...root]).files).not.toEqual([]);
  });

  it("for a run", () => {
    const own = compile(at("own"), main);
    expect(valid(["run", "--dry-run", own]).how).toBe("as-is");
  });

  it("for the path of a program", () => {
    expect(valid(["path", "patchelf"]).path).toMatch(/\/fixelf-patchelf$/);
  });

  it("for a failure", () => {
    valid(["doctor", at("not-there")], "error");
    valid(["tree", at("not-there")], "error");
    valid(["fix", at("not-there")], "error");
  });

  it("for a watch", async () => {
    const inbox = nixos.in("/inbox");
    compile(join(inbox, "program"), main, foreign);
    copyFileSync(join(app, "lacking"), join(inbox, "lacking"));
    const watching = startFixelf(["watch", inbox, "--dry-run", "--json", ...root], { env });
    const lines: unknown[] = [];
    try {
      for await (const line of createInterface({ input: watching.stdout })) {
        lines.push(JSON.parse(line));
        if (lines.length === 2) break;
      }
    } finally {
      watching.kill();
    }
    for (const line of lines) expectValid("watch", line);
    expect(lines).toHaveLength(2);
    seen.add("watch");
  });

  it("and no schema has been left out", () => {
    const ofScan = names.filter((name) => /^scan/.test(name));
    expect([...seen, ...ofScan].sort()).toEqual([...names].sort());
  });
});

/** Columns whose field is elsewhere: lib/scan/batch.ts. */
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
