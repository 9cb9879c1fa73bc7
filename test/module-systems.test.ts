// The package as a program takes it, through import and through require(), and what TypeScript makes of both. The tests
// use dist/, under the package's own name.
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { beforeAll, expect, it } from "vitest";
import { node, run as start } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const packageDirectory = resolve(import.meta.dirname, "..");
let directory: string;

beforeAll(() => {
  // Inside the package, where its name is known.
  mkdirSync(join(packageDirectory, "out"), { recursive: true });
  directory = scratchDirectory(join(packageDirectory, "out"));
});

/** Runs a file with that name; returns what it prints. */
const run = (name: string, source: string) => {
  writeFileSync(join(directory, name), source);
  const { stdout, stderr, code } = start([...node, name], { cwd: directory });
  expect(code, stderr).toBe(0);
  return stdout.trimEnd();
};

it("the package gives the same names to import and to require()", () => {
  const names = "console.log(Object.keys(fixelf).sort().join())";
  const imported = run("names.mjs", `import * as fixelf from "fixelf"; ${names}`);
  const required = run("names.cjs", `const fixelf = require("fixelf"); ${names}`);
  expect(imported).toContain("FixelfError");
  expect(required).toBe(imported);
});

it("the package reads a file through require()", () => {
  const source = `require("fixelf").inspect(process.execPath).then(({ type }) => console.log(type))`;
  expect(run("inspect.cjs", source)).toMatch(/^(executable|pie)$/);
});

// There Node has a global __dirname, which has nothing to do with this package.
it("the package finds its addon for a program without a file, and passes an error between threads", () => {
  const inWorker = `
    const { parentPort } = require("node:worker_threads");
    import("fixelf").then(({ inspect }) =>
      inspect("/nowhere").catch((error) => parentPort.postMessage({ ...error, message: error.message })));`;
  const source = `
    const worker = new (require("node:worker_threads").Worker)(${JSON.stringify(inWorker)}, { eval: true });
    worker.once("message", (error) => console.log(JSON.stringify(error)));
    import("fixelf").then(({ inspect }) => inspect(process.execPath)).then(({ type }) => console.log(type));`;
  const { stdout, stderr } = start([...node, "--eval", source], { cwd: directory });
  const lines = stdout.trimEnd().split("\n").sort();
  expect(lines[0], stderr).toMatch(/^(executable|pie)$/);
  expect(JSON.parse(lines[1] as string)).toMatchObject({
    ...{ name: "FixelfError", code: "not-found", path: "/nowhere" },
    message: expect.stringContaining("cannot open the file"),
  });
});

it("the package recognises an error from import in require(), and the other way round", () => {
  const source = `
    require("fixelf").plan("no list").catch(async (error) => {
      const { FixelfError } = await import("fixelf");
      console.log(FixelfError.is(error), FixelfError.is(new TypeError("another")));
    });`;
  expect(run("errors.cjs", source)).toBe("true false");
});

it("the package runs from a bundle that was moved, with what it needs in a folder beside it", async () => {
  const source = `
    import { inspect } from "fixelf";
    inspect(process.execPath).then(({ type }) => console.log(type), ({ message }) => console.log(message));`;
  writeFileSync(join(directory, "bundled.mjs"), source);
  const bundle = await rolldown({ input: join(directory, "bundled.mjs"), platform: "node" });
  const moved = scratchDirectory();
  await bundle.write({ dir: moved, format: "esm" });
  const printed = () => start([...node, join(moved, "bundled.js")]).stdout;
  writeFileSync(join(moved, "package.json"), '{"type":"module"}');
  expect(printed()).toContain(
    `copy package.json, prebuilds and share of the package into\n\n    ${moved}/fixelf`,
  );
  for (const part of ["package.json", "share"])
    cpSync(join(packageDirectory, part), join(moved, "fixelf", part), { recursive: true });
  // The place of a prebuild.
  const addon: string = createRequire(import.meta.url)("node-gyp-build").path(packageDirectory);
  const prebuilds = join(moved, "fixelf/prebuilds", `linux-${process.arch}`);
  mkdirSync(prebuilds, { recursive: true });
  copyFileSync(addon, join(prebuilds, "fixelf.node"));
  expect(printed()).toMatch(/^(executable|pie)\n$/);
});

it.each([
  ["NodeNext", "NodeNext", ["import.mts", "require.cts"]],
  ["ESNext", "Bundler", ["import.mts"]],
])("the package has types for module %s with resolution %s", (module, moduleResolution, files) => {
  const use = `
    const facts: Promise<fixelf.Facts> = fixelf.inspect("/bin/sh", { root: "/" });
    // @ts-expect-error: a string is no list of paths
    const planned: Promise<fixelf.FixPlan> = fixelf.plan("/bin/sh");
    export { facts, planned };`;
  writeFileSync(join(directory, "import.mts"), `import * as fixelf from "fixelf";${use}`);
  writeFileSync(join(directory, "require.cts"), `import fixelf = require("fixelf");${use}`);
  const compilerOptions = {
    ...{ module, moduleResolution, target: "ES2022", lib: ["ES2023"], types: ["node"] },
    ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false },
  };
  const project = join(directory, "tsconfig.json");
  writeFileSync(project, JSON.stringify({ compilerOptions, files }));
  const tsc = join(packageDirectory, "node_modules/.bin/tsc");
  const { code, stdout } = start([tsc, "--project", project]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
});

// As in jest, whose modules have a Promise, Uint8Array and Error of their own.
it("the package does everything in a realm of its own", () => {
  const source = `
    const { readFileSync, mkdirSync, copyFileSync, realpathSync } = require("node:fs");
    const { createContext, runInContext } = require("node:vm");
    const { dirname, join } = require("node:path");
    const context = createContext({ process, Buffer, URL, setTimeout, clearTimeout, setImmediate, AbortController, console });
    const loaded = new Map();
    function load(path) {
      if (loaded.has(path)) return loaded.get(path).exports;
      const module = { exports: {} };
      loaded.set(path, module);
      const wrap = "(function (exports, require, module, __filename, __dirname) {" + readFileSync(path, "utf8") + "\\n})";
      const inside = (id) => (id.startsWith(".") ? load(join(dirname(path), id)) : require(id));
      inside.resolve = require.resolve;
      runInContext(wrap, context)(module.exports, inside, module, path, dirname(path));
      return module.exports;
    }
    const fixelf = load(require.resolve("fixelf"));
    const tree = join(process.cwd(), "realm");
    mkdirSync(tree);
    const program = join(tree, "program");
    copyFileSync(realpathSync("/bin/true"), program);
    (async () => {
      const said = {};
      const options = { store: tree, index: false };
      said.read = (await fixelf.inspect(program)).path === program;
      said.judged = (await fixelf.diagnose([tree], options)).length;
      said.planned = (await fixelf.plan([tree], options)).files.length;
      said.text = fixelf.textOf(Buffer.from("a")) + fixelf.textOf(fixelf.bytesOf("b"));
      said.referred = typeof (await fixelf.references([tree], options));
      said.edited = (await fixelf.edit(program, { searchPath: { set: "/x" } })).outcome;
      said.undone = (await fixelf.undo([tree])).map(({ outcome }) => outcome).join();
      said.pruned = typeof (await fixelf.prune([tree]));
      const { signal } = new AbortController();
      said.signal = (await fixelf.inspect(program, { signal })).type !== undefined;
      const error = await fixelf.inspect("/nowhere").catch((failure) => failure);
      said.error = fixelf.FixelfError.is(error) && error.code;
      console.log(JSON.stringify(said));
    })();`;
  expect(JSON.parse(run("realm.cjs", source))).toEqual({
    ...{ read: true, judged: 1, planned: 1, text: "ab", referred: "object" },
    ...{ edited: "changed", undone: "restored", pruned: "object" },
    ...{ signal: true, error: "not-found" },
  });
});
