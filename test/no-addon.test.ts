// What commands report if the addon is not available.
import { cpSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();

it.each([
  ["inspect", "/bin/sh"],
  ["doctor", "/bin/sh"],
  ["doctor", "/bin"],
  ["fix", "/bin/sh"],
  ["env", "/bin/sh"],
  ["tree", "/bin/sh"],
  ["closure", "/bin/sh"],
  ["refs", "/bin/sh"],
  ["undo", "/bin/sh"],
  ["loaders"],
  ["patchelf", "--print-rpath", "/bin/sh"],
])("%s %s names the variable that leads to no addon", (...words) => {
  const nowhere = join(directory, "nowhere");
  const env = { FIXELF_PREBUILD: nowhere, PREBUILDS_ONLY: "" };
  const { code, stdout, stderr } = run([...commandLine, ...words], { env });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  const [first, , remedy] = stderr.split("\n");
  expect(first).toBe("fixelf: fixelf could not load its native addon.");
  expect(remedy).toBe(
    `FIXELF_PREBUILD names ${nowhere}, which has no build that runs here. Unset it, or build one there.`,
  );
});

it("a command reports it if its code was moved away from its package", () => {
  const main = commandLine.at(-1) as string;
  const checkout = dirname(dirname(dirname(main)));
  const moved = join(directory, "moved");
  for (const part of ["package.json", "dist/cli"])
    cpSync(join(checkout, part), join(moved, part), { recursive: true });
  const command = [...commandLine.slice(0, -1), join(moved, "dist/cli", basename(main))];
  for (const words of [["--version"], ["doctor", "/bin/sh"]]) {
    const { code, stdout, stderr } = run([...command, ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^fixelf: fixelf's code has been moved away from its package/);
  }
});
