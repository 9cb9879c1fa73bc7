// The only way to the native core: what it throws, at once or later, is what the package throws.
import { join } from "node:path";
import { expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { codeOfSystem, FixelfError } from "../lib/base/errors.js";
import { scratchDirectory } from "./support/scratch.js";

const missing = join(scratchDirectory(), "missing");

it.each<[string, () => unknown]>([
  ["a function, at once", () => native.realPath(missing)],
  ["a method, at once", () => new native.Files("").realPath(missing)],
  ["a function, later", () => native.inspect(missing)],
  [
    "a method, later",
    () => new native.Files("").override([{ path: missing, interpreter: "/nowhere" } as never]),
  ],
])("the failure of %s is a FixelfError", async (_, call) => {
  const failure = await (async () => call())().then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(failure).toBeInstanceOf(FixelfError);
  expect((failure as FixelfError).code).toMatch(/^not-/);
  expect((failure as FixelfError).cause).toBeInstanceOf(Error);
  expect(codeOfSystem(failure)).toBe((failure as FixelfError).code);
});

it("the addon's classes construct objects of their own", () => {
  const files = new native.Files("");
  expect(files).toBeInstanceOf(native.Files);
  expect(files.look("/").state).toBe("not-regular");
});
