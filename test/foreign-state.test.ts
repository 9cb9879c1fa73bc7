// State and cache that another user owns or may write to, as with `sudo -E`: nothing in it is believed.
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { edit, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const somebody = 4711;

describe("another user's state", needs("gcc"), () => {
  const state = process.env.XDG_STATE_HOME as string;
  const records = join(state, "fixelf", "undo");
  const program = join(scratchDirectory(), "program");
  let changed: Buffer;

  beforeAll(async () => {
    compile(program, "int main(void) { return 0; }");
    await edit(program, { interpreter: "/nowhere/loader" });
    changed = readFileSync(program);
  });
  afterEach(() => {
    for (const path of [state, join(state, "fixelf"), records]) chmodSync(path, 0o700);
    expect(readFileSync(program).equals(changed)).toBe(true);
  });

  const record = () => join(records, readdirSync(records)[0] as string);

  it.each([
    ["the directory of records", () => records],
    ["the directory above", () => join(state, "fixelf")],
  ])("%s that others may write to", async (_, path) => {
    chmodSync(path(), 0o777);
    await expect(undo([program])).rejects.toMatchObject({
      code: "permission-denied",
      message: expect.stringContaining(`chmod go-w ${path()}`),
    });
  });

  it("a link in the place of its directory", async () => {
    renameSync(records, join(state, "moved"));
    symlinkSync(join(state, "moved"), records);
    await expect(undo([program])).rejects.toThrow();
    rmSync(records);
    renameSync(join(state, "moved"), records);
  });

  it("a record that others may write to", async () => {
    chmodSync(record(), 0o666);
    const [outcome] = await undo([program]);
    expect(outcome).toMatchObject({ outcome: "failed", error: { code: "permission-denied" } });
    chmodSync(record(), 0o600);
  });

  describe("owned by somebody", needs("root"), () => {
    it.each([
      ["the directory of records", () => records],
      ["the directory above", () => join(state, "fixelf")],
    ])("%s", async (_, path) => {
      chownSync(path(), somebody, somebody);
      await expect(undo([program])).rejects.toMatchObject({
        code: "permission-denied",
        message: expect.stringMatching(/belongs to user 4711, .*sudo -H/),
      });
      chownSync(path(), 0, 0);
    });

    it("a planted record", async () => {
      chownSync(record(), somebody, somebody);
      const [outcome] = await undo([program]);
      expect(outcome).toMatchObject({ outcome: "failed", error: { code: "permission-denied" } });
      chownSync(record(), 0, 0);
    });
  });
});
