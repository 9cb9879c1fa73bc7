// The package as a program takes it, by import and by require(), and what TypeScript makes of either.
// What is tested is dist/, under the package's own name.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addonEnvironment } from "./support/preload.js";

const packageDirectory = resolve(import.meta.dirname, "..");
let directory: string;

beforeAll(() => {
  // Inside the package, where its name is known.
  mkdirSync(join(packageDirectory, "out"), { recursive: true });
  directory = mkdtempSync(join(packageDirectory, "out/consumer-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a file of that name; the answer is what it prints. */
const run = async (name: string, source: string) => {
  writeFileSync(join(directory, name), source);
  return (await execa(process.execPath, [name], { cwd: directory, env: addonEnvironment })).stdout;
};

it("gives the same names to import and to require()", async () => {
  const names = "console.log(Object.keys(fixelf).sort().join())";
  const imported = await run("names.mjs", `import * as fixelf from "fixelf"; ${names}`);
  const required = await run("names.cjs", `const fixelf = require("fixelf"); ${names}`);
  expect(imported).toContain("FixelfError");
  expect(required).toBe(imported);
});

it("reads a file by require()", async () => {
  const source = `require("fixelf").inspect(process.execPath).then(({ type }) => console.log(type))`;
  expect(await run("inspect.cjs", source)).toMatch(/^(executable|pie)$/);
});

it("knows an error of the one in the other", async () => {
  const source = `
    require("fixelf").plan("no list").catch(async (error) => {
      const { FixelfError } = await import("fixelf");
      console.log(FixelfError.is(error), FixelfError.is(new TypeError("another")));
    });`;
  expect(await run("errors.cjs", source)).toBe("true false");
});

it.each([
  ["NodeNext", "NodeNext", ["import.mts", "require.cts"]],
  ["ESNext", "Bundler", ["import.mts"]],
])("has types for module %s with resolution %s", async (module, moduleResolution, files) => {
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
  const { exitCode, stdout } = await execa(tsc, ["--project", project], { reject: false });
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
});
