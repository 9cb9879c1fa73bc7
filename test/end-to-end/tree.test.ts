// A whole tree as a person meets it: read in a few lines, fixed, moved, undone, and forgotten.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";

describe("CPython and its modules, where NixOS's stub is", needs("test world"), () => {
  let world: World;
  let tree: string;
  let original: string;
  const environment = { PYTHONDONTWRITEBYTECODE: "1" };
  const moved = "/home/user/moved";
  const program = () => `${tree}/usr/bin/python3.11`;
  const lines = (text: string) => text.split("\n").length;

  beforeAll(async () => {
    world = await openWorld("stub");
    tree = await world.copyProgram("cpython");
    original = await world.sha256(tree);
  });
  afterAll(() => world?.dispose());

  it("is diagnosed in a few lines, with one remedy", async () => {
    const { exitCode, stdout } = await world.fixelf(["doctor", tree]);
    expect(exitCode).toBe(1);
    expect(lines(stdout)).toBeLessThan(12);
    expect(stdout).toMatch(
      /^error {2}\S*\/python3\.11, \d\d libraries and \d scripts\n {2}nixos-stub/,
    );
    expect(stdout).toMatch(/\n {2}library-missing {2}libc\.so\.6 \(\d\d\), /);
    expect(stdout).toContain(`\n  → fixelf fix ${tree}\n`);
  });

  it("is named when its program is fixed alone", async () => {
    const { exitCode, stderr } = await world.fixelf(["fix", program()]);
    expect(exitCode).toBe(0);
    const [, remedy = ""] = /^\d+ libraries beside it .*: (fixelf fix .*)$/m.exec(stderr) ?? [];
    expect(remedy).toBe(`fixelf fix ${tree}/usr`);
    const { stdout } = await world.run(remedy.split(" "));
    expect(lines(stdout)).toBeLessThan(20);
    expect(stdout).toMatch(/^fixed {2}\d\d libraries and \d scripts {2}verified\n/);
    const script = "import ssl, sqlite3; print(ssl.OPENSSL_VERSION.split()[0])";
    expect(await world.check([program(), "-c", script], { environment })).toBe("OpenSSL");
    const { stderr: silent } = await world.fixelf(["fix", program()]);
    expect(silent).toBe("");
  });

  it("is undone where it was moved to", async () => {
    await world.check(["mv", tree, moved]);
    const { document } = await world.fixelfJson<{ records: { state: string }[] }>(["list"]);
    expect(new Set(document.records.map(({ state }) => state))).toEqual(new Set(["away"]));
    const { exitCode, stdout } = await world.fixelf(["undo", moved]);
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^restored {2}\d\d files$/)]);
    await world.check(["mv", moved, tree]);
    expect(await world.sha256(tree)).toBe(original);
    expect((await world.fixelf(["list"])).stdout).toBe("No file is recorded as fixed.");
  });

  it("leaves nothing behind when it is deleted", async () => {
    interface Kept {
      records: object[];
      gcRoots: { link: string }[];
    }
    await world.fixelf(["fix", tree]);
    await world.check(["rm", "-r", tree]);
    // It might have been on a disk that is not mounted.
    expect((await world.fixelfJson<Kept>(["prune"])).document.records).toEqual([]);
    const { document } = await world.fixelfJson<Kept>(["prune", "--force", tree]);
    expect(document.records.length).toBeGreaterThan(30);
    expect(document.gcRoots.length).toBeGreaterThan(5);
    for (const { link } of document.gcRoots)
      expect((await world.run(["test", "-L", link])).exitCode).toBe(1);
    expect((await world.fixelf(["list"])).stdout).toBe("No file is recorded as fixed.");
  });
});
