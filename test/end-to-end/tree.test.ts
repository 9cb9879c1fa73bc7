// A whole tree as a user meets it: diagnosed in a few lines, fixed, moved, undone, and forgotten.
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { type LoaderState, openWorld, type World } from "../world/world.js";

/** What doctor says first about the whole: nix-ld starts the program with all but one of its libraries. */
const first: Record<LoaderState, RegExp> = {
  absent: /^error {2}\S*\/python3\.11, \d\d libraries and \d scripts\n {2}interpreter-missing/,
  stub: /^error {2}\S*\/python3\.11, \d\d libraries and \d scripts\n {2}nixos-stub/,
  "nix-ld":
    /^error {2}\S*\/python3\.11, \d libraries and \d scripts\n {2}library-missing {2}libexpat\.so\.1/,
  "fixelf-ld": /^error {2}\S*\/python3\.11, \d\d libraries and \d scripts\n {2}library-missing/,
};

inEachRoot("CPython and its modules", (loader) => {
  let world: World;
  let tree: string;
  let original: string;
  const environment = { PYTHONDONTWRITEBYTECODE: "1" };
  const moved = "/home/user/moved";
  const program = () => `${tree}/usr/bin/python3.11`;
  const lines = (text: string) => text.split("\n").length;

  beforeAll(async () => {
    world = await openWorld(loader);
    tree = await world.copyProgram("cpython");
    original = await world.sha256(tree);
  });
  afterAll(() => world?.dispose());

  it("are diagnosed in a few lines, with one remedy", async () => {
    const { exitCode, stdout } = await world.fixelf(["doctor", tree]);
    expect(exitCode).toBe(1);
    expect(lines(stdout)).toBeLessThan(12);
    expect(stdout).toMatch(first[loader]);
    const missing = loader === "nix-ld" ? "libexpat.so.1 (1)" : "libc.so.6 (";
    expect(stdout).toContain(`\n  library-missing  ${missing}`);
    expect(stdout).toContain(`\n  → fixelf fix ${tree}\n`);
  });

  it("are named when the program is fixed alone", async () => {
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

  it("are undone where they were moved to", async () => {
    await world.check(["mv", tree, moved]);
    const { document } = await world.fixelfJson<{ records: { state: string }[] }>(["list"]);
    expect(new Set(document.records.map(({ state }) => state))).toEqual(new Set(["away"]));
    const { exitCode, stdout } = await world.fixelf(["undo", moved]);
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^restored {2}\d\d files$/)]);
    await world.check(["mv", moved, tree]);
    expect(await world.sha256(tree)).toBe(original);
    expect((await world.fixelf(["list"])).stdout).toBe("No file is recorded as fixed.");
  });

  it("leave nothing behind when they are deleted", async () => {
    interface Kept {
      records: object[];
      gcRoots: { link: string }[];
    }
    await world.fixelf(["fix", tree]);
    await world.check(["rm", "-r", tree]);
    // The tree might have been on a disk that is not mounted.
    expect((await world.fixelfJson<Kept>(["prune"])).document.records).toEqual([]);
    const { document } = await world.fixelfJson<Kept>(["prune", "--force", tree]);
    expect(document.records.length).toBeGreaterThan(30);
    expect(document.gcRoots.length).toBeGreaterThan(5);
    for (const { link } of document.gcRoots)
      expect((await world.run(["test", "-L", link])).exitCode).toBe(1);
    expect((await world.fixelf(["list"])).stdout).toBe("No file is recorded as fixed.");
  });
});
