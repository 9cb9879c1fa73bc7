// State and cache that another user owns or may write to, as with `sudo -E`: nothing in it is
// trusted.
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
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
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const somebody = 4711;

describe("undo does not trust", needs("gcc"), () => {
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
  ])("%s if others may write to it", async (_, path) => {
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

  describe("what another user owns", needs("root"), () => {
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

describe("a command that only reads state", needs("gcc"), () => {
  const directory = scratchDirectory();
  const program = join(directory, "program");
  const home = join(directory, "none");
  const readers: [string, string[]][] = [
    ["list", ["list"]],
    ["prune", ["prune", "--dry-run"]],
    ["undo", ["undo", program]],
    ["find", ["find", "--store", join(directory, "store"), "libnone.so.1"]],
  ];
  const variables = (HOME: string) => ({ HOME, XDG_STATE_HOME: "", XDG_CACHE_HOME: "" });

  beforeAll(() => {
    compile(program, "int main(void) { return 0; }");
    mkdirSync(join(directory, "store"));
  });

  it.each(readers)("creates no home directory: %s", (_, words) => {
    expect(fixelf(words, { env: variables(home) }).stderr).not.toContain("cannot make");
    expect(existsSync(home)).toBe(false);
  });

  it.each(readers.slice(0, 3))("creates nothing in the home directory: %s", (_, words) => {
    const empty = join(directory, words[0] as string);
    mkdirSync(empty);
    const { stderr } = fixelf(words, { env: variables(empty) });
    expect(stderr).not.toContain("cannot");
    expect(readdirSync(empty)).toEqual([]);
  });

  it("creates no home directory, and neither does one that writes, which reports it", async () => {
    process.env.HOME = home;
    const { XDG_STATE_HOME } = process.env;
    delete process.env.XDG_STATE_HOME;
    try {
      await expect(edit(program, { interpreter: "/nowhere/loader" })).rejects.toMatchObject({
        code: "permission-denied",
        message: expect.stringContaining(
          `the home directory ${home} is not there; set XDG_STATE_HOME`,
        ),
      });
    } finally {
      process.env.XDG_STATE_HOME = XDG_STATE_HOME;
    }
    expect(existsSync(home)).toBe(false);
  });

  it("does not resolve a relative home against the working directory", () => {
    const cwd = join(directory, "cwd");
    mkdirSync(cwd);
    for (const [, words] of readers.slice(0, 3)) fixelf(words, { cwd, env: variables("home") });
    expect(readdirSync(cwd)).toEqual([]);
  });

  describe("in another user's home", needs("root"), () => {
    const theirs = join(directory, "theirs");
    beforeAll(() => {
      mkdirSync(theirs);
      chownSync(theirs, somebody, somebody);
    });

    it.each([
      ...readers,
      ["edit", ["patchelf", "--set-rpath", "/x", program]] as [string, string[]],
      ["loaders", ["loaders", "--store", join(directory, "store")]] as [string, string[]],
    ])("creates nothing as root: %s", (_, words) => {
      fixelf(words, { env: variables(theirs) });
      expect(readdirSync(theirs)).toEqual([]);
    });

    it("creates nothing as root where a link of theirs leads either, and reports that", async () => {
      const roots = join(directory, "roots");
      mkdirSync(roots);
      mkdirSync(join(theirs, ".local"));
      symlinkSync(roots, join(theirs, ".local/state"));
      chownSync(join(theirs, ".local"), somebody, somebody);
      lchownSync(join(theirs, ".local/state"), somebody, somebody);
      const { code, stderr } = fixelf(["list"], { env: variables(theirs) });
      expect(code).toBe(2);
      expect(stderr).toContain(`state is a symbolic link of user ${somebody}`);
      expect(readdirSync(roots)).toEqual([]);
    });
  });
});
