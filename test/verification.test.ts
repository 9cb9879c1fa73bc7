// The loader's output is compared with what was resolved: file with file, however each is named.
import { copyFileSync, linkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { CommandEnd } from "../lib/addon/native.js";
import { apply, type Outcome, plan, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc } from "./support/store.js";

/** How the loader's output is altered before it is read. */
const heard = vi.hoisted(() => ({ as: (said: string) => said }));

vi.mock("../lib/addon/native.js", async (original) => {
  const actual = await original<typeof import("../lib/addon/native.js")>();
  const run = async (...given: Parameters<typeof actual.native.run>) => {
    const ends = await actual.native.run(...given);
    return ends.map((end) =>
      "output" in end ? { ...end, output: heard.as((end as CommandEnd).output) } : end,
    );
  };
  const native = new Proxy(actual.native, {
    get: (addon, name) => (name === "run" ? run : Reflect.get(addon, name)),
  });
  return { ...actual, native };
});

describe("the loader's list", needs("gcc"), () => {
  const directory = scratchDirectory();
  const store = join(directory, "store");
  const glibc = join(store, `${"a".repeat(32)}-glibc-2.36/lib`);
  const libc = join(glibc, "libc.so.6");
  const program = join(directory, "program");
  let interpreter: string;

  beforeAll(() => {
    interpreter = copyGlibc(glibc);
    compile(program, "int main(void) { return 0; }");
    linkSync(libc, join(directory, "hard-link"));
    copyFileSync(libc, join(directory, "copy"));
  });

  async function fixed(saysInstead: string): Promise<Outcome | undefined> {
    heard.as = (said) => said.replace(libc, saysInstead);
    const options = { store, interpreter, gcRoot: false };
    const [outcome] = await apply(await plan([program], options));
    await undo([program]);
    return outcome;
  }

  it.each([
    ["as it was resolved", libc],
    ["in another spelling", `${glibc}/../lib/./libc.so.6`],
    ["by another name of the file", join(directory, "hard-link")],
  ])("may name a library %s", async (_, path) => {
    expect(await fixed(path)).toMatchObject({ outcome: "fixed", verified: true, error: null });
  });

  it.each([
    ["is a copy of it", join(directory, "copy")],
    ["is not there", join(directory, "none")],
  ])("disagrees if a file that it names %s", async (_, path) => {
    expect(await fixed(path)).toMatchObject({
      outcome: "failed",
      error: { code: "verification-failed", message: expect.stringContaining(path) },
    });
  });
});
