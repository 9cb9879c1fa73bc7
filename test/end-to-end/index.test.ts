// The index of a real store, and what Nix does to it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";

interface FindDocument {
  sonames: {
    soname: string;
    providers: { path: string; storePath: string; reasons: string[] }[];
  }[];
}

interface IndexDocument {
  index: { path: string; storePaths: number; elfFiles: number; unsettled: number; size: number };
}

describe("the index", needs("test world"), () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.dispose());

  const report = async () => (await world.fixelfJson<IndexDocument>(["index"])).document.index;

  async function expectSameAnswers(sonames: readonly string[], asUser = false): Promise<void> {
    for (const command of [["find", ...sonames], ["loaders"]]) {
      const indexed = await world.fixelf([...command, "--json"], { asUser });
      const read = await world.fixelf([...command, "--json", "--no-index"], { asUser });
      expect(indexed).toEqual(read);
      expect(indexed.stderr).toBe("");
    }
  }

  /** Every soname of a library in the store. */
  async function sonamesOfStore(): Promise<string[]> {
    const names = await world.shell(
      "find /nix/store/*/lib* -name '*.so*' ! -path '*.drv*' | sed 's|.*/||' | sort -u",
    );
    return names.split("\n");
  }

  it("answers as the store does, for every library in it", async () => {
    const sonames = await sonamesOfStore();
    expect(sonames.length).toBeGreaterThan(300);
    await expectSameAnswers(sonames);
    await expectSameAnswers(sonames.slice(0, 50), true);
    expect(await report()).toMatchObject({ unsettled: 0 });
  });

  it("gives the same diagnosis and plan as without it", async () => {
    const tree = await world.copyProgram("cpython");
    for (const command of [
      ["doctor", tree],
      ["fix", tree, "--dry-run"],
    ]) {
      const indexed = await world.fixelf([...command, "--json"]);
      const read = await world.fixelf([...command, "--json", "--no-index"]);
      expect(indexed).toEqual(read);
    }
  });

  it("starts no process once it is up to date", async () => {
    // Replaces Nix by something whose use would show.
    await world.shell(`
      mkdir -p /tmp/instead
      printf '#!/bin/sh\\necho "$0 $*" >>/tmp/calls\\nexit 1\\n' >/tmp/instead/nix-store
      chmod +x /tmp/instead/nix-store
      cp /tmp/instead/nix-store /tmp/instead/nix`);
    const before = await world.fixelf(["find", "libz.so.1", "--json"]);
    const path = await world.check(["sh", "-c", "echo $PATH"]);
    const environment = { PATH: `/tmp/instead:${path}` };
    const after = await world.fixelf(["find", "libz.so.1", "--json"], { environment });
    expect(after).toEqual(before);
    expect(after.stdout).toContain("in the current system's closure");
    expect((await world.run(["cat", "/tmp/calls"])).exitCode).not.toBe(0);
  });

  it("follows what Nix adds and collects", async () => {
    const known = await report();
    const added = await world.shell(`
      mkdir -p /tmp/added-1.0/lib
      cp ${world.store["zlib-bookworm"] ?? "/nix/store/*-zlib*"}/lib/libz.so.1 /tmp/added-1.0/lib/libadded.so.1
      nix-store --add /tmp/added-1.0`);
    const find = () => world.fixelfJson<FindDocument>(["find", "libadded.so.1"]);
    expect((await find()).document.sonames[0]?.providers).toMatchObject([{ storePath: added }]);
    expect(await report()).toMatchObject({ storePaths: known.storePaths + 1, unsettled: 0 });
    await expectSameAnswers(["libadded.so.1", "libz.so.1"]);

    await world.shell("nix-store --gc");
    expect((await find()).document.sonames[0]?.providers).toEqual([]);
    await expectSameAnswers(["libadded.so.1", "libz.so.1", "libcrypt.so.1"]);
    expect((await report()).storePaths).toBeLessThan(known.storePaths);
  });

  it("is skipped on a full disk, with a message", async () => {
    const result = await world.run([
      "sh",
      "-euc",
      `mkdir -p /mnt/small
       mount -t tmpfs -o size=64k small /mnt/small
       XDG_CACHE_HOME=/mnt/small fixelf find libc.so.6 --json`,
    ]);
    const read = await world.fixelf(["find", "libc.so.6", "--json", "--no-index"]);
    expect(result.stderr).toMatch(/^fixelf: working without the index: /);
    expect({ ...result, stderr: "" }).toEqual(read);
  });
});
