// The index of a store: that it answers as the store itself does, and what it lives through.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isLoaderName } from "../lib/file/interpreter.js";
import { Store } from "../lib/store/context.js";
import { Environment } from "../lib/store/index/environment.js";
import { encode, stateKey } from "../lib/store/index/format.js";
import { freshIndex } from "../lib/store/index/fresh.js";
import { differenceOf, listingOf } from "../lib/store/index/listing.js";
import { IndexDamage, Pages } from "../lib/store/index/pages.js";
import { IndexReader } from "../lib/store/index/reader.js";
import { removeIndex, reportIndex } from "../lib/store/index/report.js";
import { openWriter } from "../lib/store/index/writer.js";
import { type StorePlace, storePlace } from "../lib/store/place.js";
import { addonEnvironment } from "./support/preload.js";

const scratch = mkdtempSync(join(tmpdir(), "fixelf-index-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
const libc = sharedObjects.find((path) => basename(path) === "libc.so.6") as string;
const loader = readdirSync(dirname(libc)).find(isLoaderName) as string;
const hash = (number: number) => number.toString(36).padStart(32, "0");

/** Nix sets the times of what it has finished to this second. */
function settle(path: string): void {
  utimesSync(path, 1, 1);
}

/** As a store that nothing has been done to for some while. */
function settleStore({ root, store }: StorePlace): void {
  utimesSync(root + store, 2, 2);
}

function addPath({ root, store }: StorePlace, name: string, library: string, from = libc): string {
  const path = join(root + store, name);
  mkdirSync(join(path, "lib"), { recursive: true });
  copyFileSync(from, join(path, "lib", library));
  settle(path);
  return path;
}

/** A store with all that libraries come as: links within, to others, out of the store and nowhere. */
function makeStore(root: string): StorePlace {
  const place = storePlace({ root });
  const store = join(root, "nix/store");
  const glibc = addPath(place, `${hash(1)}-glibc-2.99-1`, "libc.so.6");
  copyFileSync(join(dirname(libc), loader), join(glibc, "lib", loader));
  symlinkSync("lib", join(glibc, "lib64"));
  const bootstrap = addPath(place, `${hash(2)}-bootstrap-tools`, "libc.so.6");
  copyFileSync(join(dirname(libc), loader), join(bootstrap, "lib", loader));
  const zlib = addPath(place, `${hash(3)}-zlib-1.3`, "libz.so.1.3");
  symlinkSync("libz.so.1.3", join(zlib, "lib/libz.so.1"));
  symlinkSync("libnone.so", join(zlib, "lib/libz.so"));
  writeFileSync(join(zlib, "lib/libscript.so"), "INPUT(libz.so.1)\n");
  mkdirSync(join(zlib, "lib/plugins"));
  symlinkSync("../libz.so.1.3", join(zlib, "lib/plugins/libz.so.1"));
  symlinkSync("plugins", join(zlib, "lib/more"));
  const system = join(store, `${hash(4)}-system-path`);
  mkdirSync(join(system, "lib/nested"), { recursive: true });
  symlinkSync("../..", join(system, "lib/nested/circle"));
  symlinkSync(`/nix/store/${hash(3)}-zlib-1.3/lib/libz.so.1`, join(system, "lib/libz.so.1"));
  symlinkSync("/opt/libout.so", join(system, "lib/libout.so"));
  mkdirSync(join(root, "opt"));
  copyFileSync(libc, join(root, "opt/libout.so"));
  writeFileSync(join(store, `${hash(5)}-source.tar`), "");
  writeFileSync(join(store, `${hash(6)}-a.drv`), "");
  symlinkSync(`${hash(3)}-zlib-1.3`, join(store, `${hash(7)}-alias`));
  mkdirSync(join(store, ".links"));
  for (const name of readdirSync(store)) lutimesSync(join(store, name), 1, 1);
  settleStore(place);
  return place;
}

const asked = ["libc.so.6", "libz.so.1", "libz.so", "libz.so.1.3", "libout.so", "libscript.so"];

async function answers(place: StorePlace, index: boolean, names: readonly string[] = asked) {
  const said: string[] = [];
  const onIndex = (event: { kind: string; message?: string }) => {
    if (event.kind === "trouble") said.push(event.message ?? "");
  };
  const store = new Store(place, { index, onIndex });
  const found = await store.providers(names);
  const wanted = { machine: "arm", class: "ELF32", byteOrder: "little-endian" } as const;
  const others = await store.providers(names, wanted);
  return { found, others, loaders: await store.loaders(), said };
}

async function expectSameAnswers(place: StorePlace, names?: readonly string[]): Promise<string[]> {
  const { said, ...indexed } = await answers(place, true, names);
  const { said: _, ...read } = await answers(place, false, names);
  expect(indexed).toEqual(read);
  return said;
}

function dataOf(place: StorePlace): string {
  const environment = new Environment(place);
  return environment.data(environment.generation());
}

describe("an index", () => {
  let place: StorePlace;
  let count = 0;
  beforeEach(() => {
    place = makeStore(join(scratch, `store-${count++}`));
  });
  afterEach(() => {
    removeIndex(place);
    rmSync(place.root, { recursive: true });
  });

  it("answers as the store itself does", async () => {
    const { found, loaders } = await answers(place, true);
    expect(loaders).toHaveLength(2);
    expect(found.get("libz.so.1")?.providers.length).toBeGreaterThan(0);
    expect(found.get("libout.so")?.providers).toHaveLength(1);
    expect(await expectSameAnswers(place)).toEqual([]);
    expect(await reportIndex(place)).toMatchObject({ storePaths: 6, elfFiles: 5, unsettled: 0 });
  });

  it("is left alone while the store is", async () => {
    await answers(place, true);
    const before = readFileSync(dataOf(place));
    await answers(place, true);
    expect(readFileSync(dataOf(place)).equals(before)).toBe(true);
    // Nothing but the store's directory is looked at: what Nix has finished does not change.
    addPath(place, `${hash(3)}-zlib-1.3`, "libnew.so");
    settleStore(place);
    expect((await answers(place, true, ["libnew.so"])).found.get("libnew.so")?.providers).toEqual(
      [],
    );
  });

  it("follows what is added, removed and replaced", async () => {
    await answers(place, true);
    addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
    rmSync(join(place.root, `nix/store/${hash(2)}-bootstrap-tools`), { recursive: true });
    await expectSameAnswers(place);
    expect((await answers(place, true)).loaders).toHaveLength(1);

    // As nix-store --repair does: another file under the same name.
    const zlib = `${hash(8)}-zlib-1.4`;
    renameSync(join(place.root, "nix/store", zlib), join(place.root, "old"));
    addPath(place, zlib, "librepaired.so");
    await expectSameAnswers(place, ["libz.so.1", "librepaired.so"]);
    const { found } = await answers(place, true, ["librepaired.so"]);
    expect(found.get("librepaired.so")?.providers).toHaveLength(1);
    rmSync(join(place.root, "old"), { recursive: true });
  });

  describe("after an addition", () => {
    const name = `${hash(8)}-zlib-1.4`;
    const recent = () => join(dirname(dataOf(place)), "recent");
    beforeEach(async () => {
      await answers(place, true);
      addPath(place, name, "libz.so.1");
      settleStore(place);
    });

    it("keeps what is new beside what LMDB has, and reads it once", async () => {
      const before = readFileSync(dataOf(place));
      await expectSameAnswers(place);
      expect(readFileSync(dataOf(place)).equals(before)).toBe(true);
      // What Nix has finished does not change: that it is not seen shows that it is not read again.
      copyFileSync(libc, join(place.root, "nix/store", name, "lib/libunseen.so"));
      addPath(place, `${hash(9)}-zlib-1.5`, "libz.so.1");
      settleStore(place);
      await expectSameAnswers(place);
      const { found } = await answers(place, true, ["libunseen.so"]);
      expect(found.get("libunseen.so")?.providers).toEqual([]);
    });

    it("takes it into LMDB when asked for the whole, or when something is gone", async () => {
      await answers(place, true);
      expect(await reportIndex(place)).toMatchObject({ storePaths: 7, elfFiles: 6 });
      addPath(place, `${hash(9)}-zlib-1.5`, "libz.so.1");
      settleStore(place);
      await answers(place, true);
      rmSync(join(place.root, "nix/store", `${hash(9)}-zlib-1.5`), { recursive: true });
      settleStore(place);
      expect((await freshIndex(place, () => {}))?.reader.collections()).toBe(1);
      await expectSameAnswers(place);
      expect(await reportIndex(place)).toMatchObject({ storePaths: 7, elfFiles: 6 });
    });

    it("takes it into LMDB when it has become much", async () => {
      for (let number = 300; number < 370; number++)
        addPath(place, `${hash(number)}-package-${number}`, "libpackage.so");
      settleStore(place);
      await expectSameAnswers(place, ["libpackage.so", "libz.so.1"]);
      expect(existsSync(recent())).toBe(false);
      expect((await freshIndex(place, () => {}))?.beside).toEqual([]);
    });

    it.each<[string, (file: string) => void]>([
      ["damaged", (file) => writeFileSync(file, readFileSync(file).fill(0x20, 100, 120))],
      ["empty", (file) => truncateSync(file, 0)],
      ["gone", (file) => rmSync(file)],
    ])("reads it again when the file is %s", async (_, damage) => {
      await answers(place, true);
      damage(recent());
      expect(await expectSameAnswers(place)).toEqual([]);
      expect(existsSync(recent())).toBe(true);
    });

    it("does not believe a file that goes with another state", async () => {
      await answers(place, true);
      const old = readFileSync(recent());
      await reportIndex(place);
      rmSync(join(place.root, "nix/store", name), { recursive: true });
      settleStore(place);
      await reportIndex(place);
      writeFileSync(recent(), old);
      await expectSameAnswers(place);
    });
  });

  it("lists again what was changed at the moment of listing", async () => {
    const store = join(place.root, "nix/store");
    const now = new Date();
    utimesSync(store, now, now);
    await answers(place, true);
    addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
    // The same time as before, as a coarse clock would give it.
    utimesSync(store, now, now);
    expect((await answers(place, true)).found.get("libz.so.1")?.providers.map(({ path }) => path)) //
      .toContain(`/nix/store/${hash(8)}-zlib-1.4/lib/libz.so.1`);
  });

  it("answers from what is being written, and does not record it", async () => {
    await answers(place, true);
    const name = `${hash(9)}-zlib-1.5`;
    const path = addPath(place, name, "libz.so.1");
    const now = new Date();
    utimesSync(path, now, now);
    await expectSameAnswers(place);
    expect(await reportIndex(place)).toMatchObject({ storePaths: 6, unsettled: 1 });
    copyFileSync(libc, join(path, "lib/liblater.so"));
    await expectSameAnswers(place, ["libz.so.1", "liblater.so"]);

    utimesSync(path, 3, 3);
    writeFileSync(`${path}.lock`, "");
    expect(await reportIndex(place)).toMatchObject({ storePaths: 6, unsettled: 1 });
    rmSync(`${path}.lock`);
    settle(path);
    expect(await reportIndex(place)).toMatchObject({ storePaths: 7, unsettled: 0 });
    await expectSameAnswers(place, ["libz.so.1", "liblater.so"]);
  });

  it("knows which files need a soname, and which have it", async () => {
    const index = await freshIndex(place, () => {});
    const glibc = `${hash(1)}-glibc-2.99-1`;
    expect(index?.reader.named("s", "libc.so.6").get(glibc)).toEqual([
      ["lib/libc.so.6", "lib/libc.so.6"],
    ]);
    expect(index?.reader.named("d", loader).get(glibc)).toEqual([
      ["lib/libc.so.6", "lib/libc.so.6"],
    ]);
    expect(index?.reader.content(glibc)?.elf.map(({ path }) => path)).toEqual([
      `lib/${loader}`,
      "lib/libc.so.6",
    ]);
  });

  it.each<[string, (data: string) => void]>([
    ["cut short", (data) => truncateSync(data, statSync(data).size - 4096)],
    ["cut to half a page", (data) => truncateSync(data, 2000)],
    ["empty", (data) => truncateSync(data, 0)],
    ["foreign", (data) => writeFileSync(data, "a".repeat(20_000))],
    ["full of zeros", (data) => writeFileSync(data, Buffer.alloc(statSync(data).size))],
  ])("is built anew when it is %s, and says so", async (_, damage) => {
    await answers(place, true);
    damage(dataOf(place));
    expect(await expectSameAnswers(place)).toEqual([
      expect.stringMatching(/^the index is built anew/),
    ]);
    expect(await expectSameAnswers(place)).toEqual([]);
    expect(readdirSync(new Environment(place).directory)).toEqual(["2"]);
  });

  it("is built anew when it has an older format, and says so", async () => {
    await answers(place, true);
    const environment = new Environment(place);
    const reader = new IndexReader(environment, 1);
    const writer = openWriter(environment, 1, reader);
    const older = { ...reader.state(), format: 0 };
    writer.transaction((transaction) => transaction.put(stateKey, encode(older)));
    await writer.close();
    expect(await expectSameAnswers(place)).toEqual([expect.stringContaining("format 0")]);
  });

  it("never gives a false answer when bytes have changed", async () => {
    const right = await answers(place, false);
    const pathsOf = ({ found, loaders }: Awaited<ReturnType<typeof answers>>) =>
      [...[...found.values()].flatMap(({ providers }) => providers), ...loaders].map(
        ({ path }) => path,
      );
    await answers(place, true);
    const whole = readFileSync(dataOf(place));
    let rebuilt = 0;
    for (let time = 0; time < 150; time++) {
      const data = dataOf(place);
      writeFileSync(data, whole);
      const file = openSync(data, "r+");
      // Half of them in the tree's upper pages and the heads.
      const at = time % 2 === 0 ? (time * 37) % 400 : Math.floor((time * whole.length) / 150);
      writeSync(file, Buffer.from([(whole[at] as number) ^ (1 << (time % 8))]), 0, 1, at);
      const indexed = await answers(place, true);
      // LMDB's pages have no checksums: a bit in one of its keys may hide what that key leads to.
      expect(pathsOf(right)).toEqual(expect.arrayContaining(pathsOf(indexed)));
      if (indexed.said.length === 0) {
        for (const [name, { providers }] of indexed.found) {
          const facts = new Map(
            right.found.get(name)?.providers.map((each) => [each.path, each.facts]),
          );
          for (const each of providers) expect(each.facts).toEqual(facts.get(each.path));
        }
      }
      rebuilt += indexed.said.length;
    }
    expect(rebuilt).toBeGreaterThan(0);
  });

  it("is done without where it can't be kept, and that is said", async () => {
    const before = process.env.XDG_CACHE_HOME;
    writeFileSync(join(place.root, "file"), "");
    process.env.XDG_CACHE_HOME = join(place.root, "file");
    try {
      expect(await expectSameAnswers(place)).toEqual([
        expect.stringMatching(/^working without the index: /),
      ]);
    } finally {
      process.env.XDG_CACHE_HOME = before;
    }
  });

  it("goes when its store has been gone for a month", async () => {
    const indexOf = (root: string) => new Environment(storePlace({ root })).directory;
    for (const root of ["/gone/lately", "/gone/long"])
      mkdirSync(indexOf(root), { recursive: true });
    utimesSync(indexOf("/gone/long"), 1, 1);
    await answers(place, true);
    expect(existsSync(indexOf("/gone/long"))).toBe(false);
    expect(existsSync(indexOf("/gone/lately"))).toBe(true);
  });

  it("is not made where it is not wanted", async () => {
    await answers(place, false);
    expect(existsSync(new Environment(place).directory)).toBe(false);
    expect(await freshIndex(storePlace({ root: "/nowhere" }), () => {})).toBeNull();
  });
});

describe("an index that several processes use", () => {
  const place = storePlace({ root: join(scratch, "busy") });
  const program = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));
  const start = (): ChildProcess =>
    spawn(process.execPath, [program, "find", "libc.so.6", "--root", place.root, "--json"], {
      env: { ...process.env, ...addonEnvironment },
      stdio: ["ignore", "pipe", "pipe"],
    });

  beforeAll(() => {
    makeStore(place.root);
    for (let number = 100; number < 160; number++) {
      const path = addPath(place, `${hash(number)}-package-${number}`, "libpackage.so");
      for (let file = 0; file < 5; file++)
        symlinkSync("libpackage.so", join(path, `lib/libpackage.so.${file}`));
      settle(path);
    }
  });

  it("has the right answer after any of them was killed", async () => {
    const { said: _, ...right } = await answers(place, false);
    for (let time = 0; time < 25; time++) {
      // Something to write in every round.
      const name = `${hash(200 + time)}-killed-${time}`;
      addPath(place, name, "libkilled.so");
      if (time % 5 === 0) removeIndex(place);
      const child = start();
      const ended = once(child, "exit");
      await setTimeout(40 + time * 12);
      child.kill("SIGKILL");
      await ended;
      const { said, ...indexed } = await answers(place, true);
      expect(said).toEqual([]);
      expect(indexed).toEqual(right);
      const found = (await answers(place, true, ["libkilled.so"])).found.get("libkilled.so");
      expect(found?.providers).toHaveLength(time + 1);
    }
    const environment = new Environment(place);
    expect(() => new IndexReader(environment, environment.generation()).check()).not.toThrow();
  });

  it("is refreshed by several at once", async () => {
    removeIndex(place);
    const outputs = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = start();
        let output = "";
        child.stdout?.on("data", (data) => {
          output += data;
        });
        child.stderr?.on("data", (data) => {
          output += data;
        });
        await once(child, "close");
        return output;
      }),
    );
    expect(JSON.parse(outputs[0] as string).sonames[0].providers).toHaveLength(2);
    expect(new Set(outputs).size).toBe(1);
    await expectSameAnswers(place);
  });
});

describe("pages of an LMDB file", () => {
  it("are read as LMDB reads them", async () => {
    const directory = mkdtempSync(join(scratch, "lmdb-"));
    const { open } = createRequire(import.meta.url)("lmdb");
    const database = open({
      path: directory,
      encoding: "binary",
      keyEncoding: "binary",
      overlappingSync: false,
    });
    const expected = new Map<string, string>();
    let number = 1;
    for (let round = 0; round < 8; round++) {
      database.transactionSync(() => {
        for (let time = 0; time < 400; time++) {
          number = (number * 48271) % 2147483647;
          const key = `${number % 5}-${"k".repeat(number % 300)}-${number % 977}`;
          const value = "v".repeat(number % 7 === 0 ? number % 30_000 : number % 90) + number;
          if (number % 3 === 0 && expected.delete(key)) database.removeSync(Buffer.from(key));
          else {
            database.putSync(Buffer.from(key), Buffer.from(value));
            expected.set(key, value);
          }
        }
      });
      const pages = new Pages(join(directory, "data.mdb"));
      for (const [key, value] of expected)
        expect(pages.get(Buffer.from(key))?.toString() === value).toBe(true);
      expect(pages.get(Buffer.from("absent"))).toBeNull();
      for (const prefix of ["", "0", "3-", "4-k", "9"]) {
        const found = pages
          .beginningWith(Buffer.from(prefix))
          .map(([key, value]) => `${key}=${value}`);
        const all = [...expected].filter(([key]) => key.startsWith(prefix)).sort();
        expect(found).toEqual(all.map(([key, value]) => `${key}=${value}`));
      }
      pages.close();
    }
    await database.close();
  });

  it("are refused where they are none", () => {
    const file = join(scratch, "random");
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 10_000 }), (bytes) => {
        writeFileSync(file, bytes);
        expect(() => new Pages(file)).toThrow(IndexDamage);
      }),
      { numRuns: 50 },
    );
  });
});

describe("two listings", () => {
  const listing = fc
    .dictionary(fc.constantFrom(..."abcdefgh"), fc.integer({ min: 1, max: 3 }))
    .map((entries) => new Map(Object.entries(entries)));
  const bytesOf = (entries: Map<string, number>) =>
    listingOf(
      [...entries].map(([name, inode]) => ({
        name: name.repeat(900),
        inode: `${inode}`,
        locked: false,
      })),
    );

  it("differ in what was added, removed and replaced", () => {
    fc.assert(
      fc.property(listing, listing, (before, after) => {
        const { added, gone } = differenceOf(bytesOf(before), bytesOf(after));
        const of = (names: string[]) => names.map((name) => name[0]);
        const differs = (one: Map<string, number>, other: Map<string, number>) =>
          [...one.keys()].filter((name) => one.get(name) !== other.get(name)).sort();
        expect(of(added.map(({ name }) => name))).toEqual(differs(after, before));
        expect(of(gone)).toEqual(differs(before, after));
      }),
    );
  });
});
