// The index of a store: it answers as the store itself does, whatever happens to it.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Facts } from "../lib/addon/facts.js";
import { native } from "../lib/addon/native.js";
import { Store } from "../lib/store/context.js";
import { checksum } from "../lib/store/index/checksum.js";
import { IndexDamage } from "../lib/store/index/damage.js";
import type { State, StorePathContent } from "../lib/store/index/format.js";
import { freshIndex } from "../lib/store/index/fresh.js";
import { differenceOf, listingOf } from "../lib/store/index/listing.js";
import { indexPath } from "../lib/store/index/location.js";
import { OwnDirectory } from "../lib/store/index/own_directory.js";
import { IndexReader } from "../lib/store/index/reader.js";
import { removeIndex, reportIndex } from "../lib/store/index/report.js";
import { Segment } from "../lib/store/index/segment.js";
import { SegmentWriter } from "../lib/store/index/segment_writer.js";
import type { Point } from "../lib/store/index/writer.js";
import { type StorePlace, storePlace } from "../lib/store/place.js";
import { needs } from "./support/needs.js";
import { fixelf, node, run, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { ownLibc, ownLoader } from "./support/store.js";

const scratch = scratchDirectory();

const libc = ownLibc();
const hash = (number: number) => number.toString(36).padStart(32, "0");

/** Nix sets the times of what it has finished to this second. */
function settle(path: string): void {
  utimesSync(path, 1, 1);
}

/** As in a store that has not been touched for a while. */
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

/**
 * A store with libraries in all shapes: links inside it, to other paths, out of the store and to
 * nothing.
 */
function makeStore(root: string): StorePlace {
  const place = storePlace({ root });
  const store = join(root, "nix/store");
  const glibc = addPath(place, `${hash(1)}-glibc-2.99-1`, "libc.so.6");
  copyFileSync(ownLoader(), join(glibc, "lib", basename(ownLoader())));
  symlinkSync("lib", join(glibc, "lib64"));
  const bootstrap = addPath(place, `${hash(2)}-bootstrap-tools`, "libc.so.6");
  copyFileSync(ownLoader(), join(bootstrap, "lib", basename(ownLoader())));
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

/** Replaces a file by what `put` creates there. */
function replaceBy(file: string, put: () => void): void {
  rmSync(file);
  put();
}

function patch(file: string, at: number, bytes: readonly number[]): void {
  const content = readFileSync(file);
  content.set(bytes, at);
  writeFileSync(file, content);
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

/** The index's file of that kind. */
function fileOf(place: StorePlace, kind: "base" | "manifest"): string {
  const directory = indexPath(place);
  const name = readdirSync(directory).find((each) => each.startsWith(kind));
  return join(directory, name as string);
}

function stateOf(place: StorePlace): State {
  const directory = OwnDirectory.open(indexPath(place)) as OwnDirectory;
  const file = directory.open("manifest");
  directory.close();
  const segment = new Segment(file as NonNullable<typeof file>);
  segment.close();
  return segment.about as State;
}

/** `fixelf find`, in a process of its own; a shell may set its limits first. */
const find = ({ root }: StorePlace, names: readonly string[], limits = ":") =>
  fixelf(["find", ...names, "--root", root, "--json"], {
    by: ["/bin/sh", "-c", `${limits} && exec "$@"`, "sh"],
  });

let place: StorePlace;
let count = 0;
beforeEach(() => {
  place = makeStore(join(scratch, `store-${count++}`));
});
afterEach(() => {
  rmSync(indexPath(place), { recursive: true, force: true });
  rmSync(place.root, { recursive: true });
});

describe("an index", () => {
  it("answers as the store itself does", async () => {
    const { found, loaders } = await answers(place, true);
    expect(loaders).toHaveLength(2);
    expect(found.get("libz.so.1")?.providers.length).toBeGreaterThan(0);
    expect(found.get("libout.so")?.providers).toHaveLength(1);
    expect(await expectSameAnswers(place)).toEqual([]);
    expect(await reportIndex(place)).toMatchObject({ storePaths: 6, elfFiles: 5, unsettled: 0 });
  });

  it("is left unchanged while the store is unchanged", async () => {
    await answers(place, true);
    const before = readFileSync(fileOf(place, "manifest"));
    await answers(place, true);
    expect(readFileSync(fileOf(place, "manifest")).equals(before)).toBe(true);
    // Only the store's directory is read: what Nix has finished does not change.
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
    beforeEach(async () => {
      await answers(place, true);
      addPath(place, name, "libz.so.1");
      settleStore(place);
    });

    it("keeps what is new in the manifest, and reads it once", async () => {
      const { base } = stateOf(place);
      await expectSameAnswers(place);
      // What Nix has finished does not change: that it goes unnoticed proves that it is not read
      // again.
      copyFileSync(libc, join(place.root, "nix/store", name, "lib/libunseen.so"));
      addPath(place, `${hash(9)}-zlib-1.5`, "libz.so.1");
      settleStore(place);
      await expectSameAnswers(place);
      const { found } = await answers(place, true, ["libunseen.so"]);
      expect(found.get("libunseen.so")?.providers).toEqual([]);
      expect(stateOf(place).base).toBe(base);
      expect(stateOf(place).recent.map(([each]) => each)).toEqual([name, `${hash(9)}-zlib-1.5`]);
    });

    it("merges it into the base when asked for the whole", async () => {
      await answers(place, true);
      expect(await reportIndex(place)).toMatchObject({ storePaths: 7, elfFiles: 6 });
      expect(stateOf(place)).toMatchObject({ recent: [], dropped: [] });
      await expectSameAnswers(place);
    });

    it("knows what has gone from either file, and when", async () => {
      await answers(place, true);
      const { collected } = stateOf(place);
      for (const gone of [name, `${hash(2)}-bootstrap-tools`])
        rmSync(join(place.root, "nix/store", gone), { recursive: true });
      settleStore(place);
      await expectSameAnswers(place);
      expect(stateOf(place)).toMatchObject({
        recent: [],
        dropped: [`${hash(2)}-bootstrap-tools`],
      });
      expect(stateOf(place).collected).not.toBe(collected);
      expect(await reportIndex(place)).toMatchObject({ storePaths: 5, elfFiles: 3 });
      await expectSameAnswers(place);
    });

    it("merges it into the base when it has become much", async () => {
      for (let number = 300; number < 370; number++)
        addPath(place, `${hash(number)}-package-${number}`, "libpackage.so");
      settleStore(place);
      await expectSameAnswers(place, ["libpackage.so", "libz.so.1"]);
      expect(stateOf(place).recent).toEqual([]);
      expect(readdirSync(indexPath(place)).sort()).toEqual([
        expect.stringMatching(/^base-/),
        "manifest",
      ]);
    });
  });

  it("lists again what was changed while being listed", async () => {
    const store = join(place.root, "nix/store");
    const now = new Date();
    utimesSync(store, now, now);
    await answers(place, true);
    addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
    // The same time as before, as from a coarse clock.
    utimesSync(store, now, now);
    expect((await answers(place, true)).found.get("libz.so.1")?.providers.map(({ path }) => path)) //
      .toContain(`/nix/store/${hash(8)}-zlib-1.4/lib/libz.so.1`);
  });

  it("answers from paths that are being written, and does not record them", async () => {
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

  it.each<[string, (file: string) => void]>([
    ["cut short", (file) => truncateSync(file, statSync(file).size - 100)],
    ["cut to a few bytes", (file) => truncateSync(file, 20)],
    ["empty", (file) => truncateSync(file, 0)],
    ["foreign", (file) => writeFileSync(file, "a".repeat(20_000))],
    ["full of zeros", (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
    ["a FIFO", (file) => replaceBy(file, () => execFileSync("mkfifo", [file]))],
    [
      "a directory",
      (file) => replaceBy(file, () => mkdirSync(join(file, "in"), { recursive: true })),
    ],
    ["writable by others", (file) => chmodSync(file, 0o666)],
    ["of another format", (file) => patch(file, statSync(file).size - 18, [1])],
  ])("is rebuilt if one of its files is %s, with a message", async (_, damage) => {
    await answers(place, true);
    for (const kind of ["base", "manifest"] as const) {
      damage(fileOf(place, kind));
      expect(await expectSameAnswers(place)).toEqual([
        expect.stringMatching(/^the index is rebuilt: /),
      ]);
      expect(await expectSameAnswers(place)).toEqual([]);
    }
  });

  it("is rebuilt by the report, which reads all of it, whichever byte has changed", async () => {
    const right = await reportIndex(place);
    const { size } = statSync(fileOf(place, "base"));
    let rebuilt = 0;
    for (let at = 0; at < size; at += Math.ceil(size / 40)) {
      const file = fileOf(place, "base"); // it has another name after a rebuild
      const [byte] = readFileSync(file).subarray(at) as unknown as [number];
      patch(file, at, [byte ^ 4]);
      const said: string[] = [];
      const report = await reportIndex(place, {
        onIndex: (event) => event.kind === "trouble" && said.push(event.message),
      });
      expect({ ...report, refreshed: right?.refreshed }, `byte ${at}`).toEqual(right);
      rebuilt += said.length;
    }
    expect(rebuilt).toBeGreaterThan(20);
    expect(await expectSameAnswers(place)).toEqual([]);
  });

  it("does not keep a file open that it cannot read", async () => {
    await answers(place, true);
    truncateSync(fileOf(place, "base"), 20);
    const directory = OwnDirectory.open(indexPath(place)) as OwnDirectory;
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    for (let time = 0; time < 20; time++)
      expect(() => IndexReader.open(directory, place)).toThrow(IndexDamage);
    expect(open()).toBe(before);
    directory.close();
  });

  it("is rebuilt when its base is gone", async () => {
    await answers(place, true);
    rmSync(fileOf(place, "base"));
    expect(await expectSameAnswers(place)).toEqual([
      expect.stringMatching(/^the index is rebuilt: base-.* is missing$/),
    ]);
    expect(await expectSameAnswers(place)).toEqual([]);
  });

  it("answers correctly and heals, whichever byte has changed", async () => {
    const { said: _, ...right } = await answers(place, false);
    await answers(place, true);
    const name = `${hash(8)}-zlib-1.4`;
    addPath(place, name, "libadded.so");
    settleStore(place);
    await answers(place, true);
    const whole = readdirSync(indexPath(place)).map(
      (each) => [each, readFileSync(join(indexPath(place), each))] as const,
    );
    let rebuilt = 0;
    for (let time = 0; time < 200; time++) {
      for (const each of readdirSync(indexPath(place))) rmSync(join(indexPath(place), each));
      for (const [each, bytes] of whole)
        writeFileSync(join(indexPath(place), each), bytes, { mode: 0o600 });
      const [each, bytes] = whole[time % 2] as (typeof whole)[number];
      // The whole manifest, and also the end of the base, on which everything depends.
      const at =
        time % 4 === 1
          ? bytes.length - 1 - ((time * 7) % 300)
          : Math.floor((time * bytes.length) / 200);
      patch(join(indexPath(place), each), at, [(bytes[at] as number) ^ (1 << (time % 8))]);
      const { said, ...indexed } = await answers(place, true);
      expect(indexed).toEqual(right);
      expect(said.length).toBeLessThanOrEqual(1);
      rebuilt += said.length;
      expect(await reportIndex(place)).toMatchObject({ storePaths: 7, elfFiles: 6 });
    }
    expect(rebuilt).toBeGreaterThan(50);
  });

  it("is never written through a link, nor trusted behind one", async () => {
    const victim = join(place.root, "victim");
    mkdirSync(victim);
    symlinkSync(victim, indexPath(place));
    expect(await expectSameAnswers(place)).toEqual([
      expect.stringMatching(/^working without the index: cannot open the directory .*index-/),
    ]);
    await expect(reportIndex(place)).rejects.toMatchObject({ code: expect.any(String) });
    expect(readdirSync(victim)).toEqual([]);
    expect(removeIndex(place)).toBe(true);
    expect(existsSync(victim)).toBe(true);

    await answers(place, true);
    for (const kind of ["base", "manifest"] as const) {
      const file = fileOf(place, kind);
      const content = readFileSync(file);
      writeFileSync(join(victim, "file"), content);
      replaceBy(file, () => symlinkSync(join(victim, "file"), file));
      expect(await expectSameAnswers(place)).toEqual([
        expect.stringMatching(/^the index is rebuilt: .* is a symbolic link$/),
      ]);
      expect(readFileSync(join(victim, "file")).equals(content)).toBe(true);
      expect(await expectSameAnswers(place)).toEqual([]);
    }
  });

  it("is not trusted if others could have written to it", async () => {
    await answers(place, true);
    chmodSync(indexPath(place), 0o770);
    expect(await expectSameAnswers(place)).toEqual([
      `working without the index: others may write to ${indexPath(place)}, so that it is not believed: chmod go-w ${indexPath(place)}`,
    ]);
    expect(() => removeIndex(place)).toThrow(/others may write to/);
  });

  it("is done without if it can't be kept, with a message", async () => {
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

  it("is removed when its store has been gone for a month", async () => {
    const indexOf = (root: string) => indexPath(storePlace({ root }));
    for (const root of ["/gone/lately", "/gone/long"])
      mkdirSync(indexOf(root), { recursive: true });
    utimesSync(indexOf("/gone/long"), 1, 1);
    await answers(place, true);
    expect(existsSync(indexOf("/gone/long"))).toBe(false);
    expect(existsSync(indexOf("/gone/lately"))).toBe(true);
  });

  it("is not created if it is not wanted", async () => {
    await answers(place, false);
    expect(existsSync(indexPath(place))).toBe(false);
    expect(await freshIndex(storePlace({ root: "/nowhere" }), () => {})).toBeNull();
  });
});

describe("an index of another user", needs("root"), () => {
  const stranger = 12345;

  it("is neither trusted nor written to", async () => {
    await answers(place, true);
    addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
    settleStore(place);
    const before = readFileSync(fileOf(place, "manifest"));
    chownSync(indexPath(place), stranger, stranger);
    const whose = `belongs to user ${stranger}, and this is user ${process.geteuid?.()}`;
    expect(await expectSameAnswers(place)).toEqual([
      expect.stringContaining(`working without the index: ${indexPath(place)} ${whose}: call `),
    ]);
    await expect(reportIndex(place)).rejects.toMatchObject({ code: "permission-denied" });
    expect(() => removeIndex(place)).toThrow(whose);
    expect(readFileSync(fileOf(place, "manifest")).equals(before)).toBe(true);
  });

  it("is rebuilt if only one of its files is", async () => {
    await answers(place, true);
    for (const kind of ["base", "manifest"] as const) {
      chownSync(fileOf(place, kind), stranger, stranger);
      expect(await expectSameAnswers(place)).toEqual([
        expect.stringMatching(/^the index is rebuilt: .* belongs to user 12345/),
      ]);
    }
  });

  it("is not created in another user's directory", async () => {
    const before = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = join(place.root, "home");
    try {
      mkdirSync(join(place.root, "home"));
      chownSync(join(place.root, "home"), stranger, stranger);
      expect(await expectSameAnswers(place)).toEqual([
        expect.stringMatching(/^working without the index: .* cannot be made: .*\/home belongs to/),
      ]);
      expect(readdirSync(join(place.root, "home"))).toEqual([]);
    } finally {
      process.env.XDG_CACHE_HOME = before;
    }
  });
});

describe("an index that cannot be written", () => {
  // Linux sends SIGXFSZ to a process that writes more than RLIMIT_FSIZE, and returns EFBIG if that
  // is ignored.
  const limit = "ulimit -f 1";

  it("is done without at first, with a message", () => {
    const right = find(place, asked);
    rmSync(indexPath(place), { recursive: true });
    const { stderr, ...limited } = find(place, asked, limit);
    expect(stderr).toMatch(/^fixelf: working without the index: cannot write .* \(EFBIG\)\n$/);
    expect({ ...limited, stderr: "" }).toEqual(right);
    expect(readdirSync(indexPath(place))).toEqual([]);
  });

  it("answers with what it lacks, and reports that this is not kept", async () => {
    await answers(place, true);
    const before = readFileSync(fileOf(place, "manifest"));
    for (let number = 300; number < 310; number++)
      addPath(place, `${hash(number)}-package-${number}`, "libz.so.1");
    rmSync(join(place.root, `nix/store/${hash(2)}-bootstrap-tools`), { recursive: true });
    settleStore(place);
    const { stderr, ...limited } = find(place, asked, limit);
    expect(stderr).toMatch(/^fixelf: what is new in the store is not kept: .* \(EFBIG\)\n$/);
    expect(readFileSync(fileOf(place, "manifest")).equals(before)).toBe(true);
    expect({ ...limited, stderr: "" }).toEqual(find(place, asked));
  });
});

describe("an index on a disk that fails for a moment", needs("strace"), () => {
  const library = "libz.so.1";
  const name = `${hash(8)}-zlib-1.4`;
  const failures: [call: string, error: string, below: string][] = [
    ["openat", "EIO", `lib/${library}`],
    ["openat", "EINTR", `lib/${library}`],
    ["pread64", "ESTALE", `lib/${library}`],
    ["getdents64", "EIO", "lib"],
  ];
  it.each(
    failures.flatMap((failure) => ["base", "manifest"].map((kind) => [...failure, kind] as const)),
  )("does not take %s with %s for %s as a fact, in the %s", async (call, error, below, kind) => {
    if (kind === "manifest") await answers(place, true);
    const path = addPath(place, name, library);
    settleStore(place);
    const failing = ["strace", "-f", "-q", "-o", "/dev/null", "-P", join(path, below)]
      .concat("-e", `trace=${call}`, "-e", `inject=${call}:error=${error}`)
      .join(" ");
    expect(find(place, [library], `set -- ${failing} "$@"`)).toMatchObject({ signal: null });
    expect(stateOf(place).unsettled).toEqual([name]);

    expect(await expectSameAnswers(place)).toEqual([]);
    expect(stateOf(place).unsettled).toEqual([]);
    const found = await new Store(place).providers([library]);
    expect(found.get(library)?.providers.map(({ storePath }) => storePath)).toContain(
      `${place.store}/${name}`,
    );
  });
});

const ofBase: Point[] = ["base begun", "base written"];
const ofManifest: Point[] = ["manifest begun", "manifest written", "published"];

/** What there may be to write, and the points that a writer then passes. */
const writes: [title: string, prepare: () => Promise<void>, merged: boolean, points: Point[]][] = [
  ["a first index", async () => {}, false, ["locked", "listed", ...ofBase, ...ofManifest]],
  [
    "what is new",
    async () => {
      await answers(place, true);
      addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
      rmSync(join(place.root, `nix/store/${hash(2)}-bootstrap-tools`), { recursive: true });
      settleStore(place);
    },
    false,
    ["locked", "listed", ...ofManifest],
  ],
  [
    "another base",
    async () => {
      await answers(place, true);
      addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
      settleStore(place);
      await answers(place, true);
      rmSync(join(place.root, `nix/store/${hash(2)}-bootstrap-tools`), { recursive: true });
      settleStore(place);
    },
    true,
    ["locked", "listed", ...ofBase, ...ofManifest],
  ],
];
const cases = writes.flatMap(([title, prepare, merged, points]) =>
  points.map((point) => ({ title, prepare, merged, point })),
);

describe("an index used by several processes at once", () => {
  it.each(cases)(
    "answers while another process writes $title and has $point",
    async ({ prepare, merged, point }) => {
      await prepare();
      let held = 0;
      const writing = await freshIndex(place, () => {}, {
        merged,
        at: async (here) => {
          if (here !== point) return;
          held++;
          // In the same process, and in one of its own, and neither waits.
          expect(await expectSameAnswers(place)).toEqual([]);
          const found = find(place, ["libz.so.1", "libc.so.6"]);
          expect(found).toMatchObject({ signal: null, stderr: "" });
          const read = await new Store(place, { index: false }).providers([
            "libz.so.1",
            "libc.so.6",
          ]);
          const { sonames } = JSON.parse(found.stdout) as {
            sonames: { providers: { path: string }[] }[];
          };
          expect(sonames.map(({ providers }) => providers.map(({ path }) => path))).toEqual(
            [...read.values()].map(({ providers }) => providers.map(({ path }) => path)),
          );
        },
      });
      expect(held).toBe(1);
      writing?.reader.close();
      expect(await expectSameAnswers(place)).toEqual([]);
    },
  );

  it.each(cases)(
    "is whole after the kill of a writer of $title that had $point",
    async ({ prepare, merged, point }) => {
      await prepare();
      const writer = fileURLToPath(new URL("support/index-writer.mjs", import.meta.url));
      const killed = run([...node, writer, place.root, point, `${merged}`]);
      expect(killed).toMatchObject({ signal: "SIGKILL", stderr: "" });
      expect(await expectSameAnswers(place)).toEqual([]);
      // The next writer removes the leftovers.
      addPath(place, `${hash(9)}-zlib-1.5`, "libz.so.1");
      settleStore(place);
      expect(await expectSameAnswers(place)).toEqual([]);
      const { base } = stateOf(place);
      expect(readdirSync(indexPath(place)).sort()).toEqual([base, "manifest"]);
    },
  );

  it.each(cases.filter(({ point }) => point !== "published"))(
    "drops $title if it is overtaken when it has $point",
    async ({ prepare, merged, point }) => {
      await prepare();
      let overtaken = false;
      const index = await freshIndex(place, () => {}, {
        merged,
        at: async (here) => {
          if (here !== point || overtaken) return;
          overtaken = true;
          // Another writer, with a lock of its own, so that both of them write.
          removeIndex(place);
          addPath(place, `${hash(9)}-zlib-1.5`, "libz.so.1");
          settleStore(place);
          expect(await reportIndex(place)).not.toBeNull();
        },
      });
      index?.reader.close();
      expect(overtaken).toBe(true);
      expect(await expectSameAnswers(place)).toEqual([]);
      const { found } = await answers(place, true, ["libz.so.1"]);
      expect(found.get("libz.so.1")?.providers.map(({ path }) => path)).toContain(
        `/nix/store/${hash(9)}-zlib-1.5/lib/libz.so.1`,
      );
    },
  );

  it("makes a process wait that asks for the index itself", async () => {
    const order: string[] = [];
    let report: Promise<unknown> | undefined;
    const index = await freshIndex(place, () => {}, {
      at: async (point) => {
        if (point === "locked") report = reportIndex(place).then(() => order.push("report"));
        if (point === "published") order.push("published");
      },
    });
    index?.reader.close();
    await report;
    expect(order).toEqual(["published", "report"]);
  });

  it("is refreshed by several processes at once", async () => {
    const { stdout: right } = find(place, asked);
    rmSync(indexPath(place), { recursive: true });
    const outputs = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { stdout, stderr } = startFixelf(["find", ...asked, "--root", place.root, "--json"]);
        return (await Promise.all([text(stdout), text(stderr)])).join("");
      }),
    );
    expect(outputs).toEqual([right, right, right, right]);
    expect(await expectSameAnswers(place)).toEqual([]);
  });

  it("keeps answering from the files that it had when it was opened", async () => {
    const index = await freshIndex(place, () => {});
    const before = index?.reader.named("libz.so.1");
    addPath(place, `${hash(8)}-zlib-1.4`, "libz.so.1");
    settleStore(place);
    await reportIndex(place, { rebuild: true });
    expect(index?.reader.named("libz.so.1")).toEqual(before);
    index?.reader.close();
  });
});

describe("a file of the index", () => {
  const contents = fc.uniqueArray(
    fc.record({
      name: fc.integer({ min: 1, max: 40 }).map((number) => `${hash(number)}-package`),
      files: fc.array(
        fc.record({
          name: fc.constantFrom("liba.so", "libb.so", 'libé"\n.so', "ld.so", "lib.so.1"),
          real: fc.option(fc.constantFrom("lib/one", "lib/two", "lib/three")),
        }),
        { maxLength: 8 },
      ),
    }),
    { selector: ({ name }) => name, maxLength: 30 },
  );

  it("has what was written to it, or copied from another one", async () => {
    const path = join(scratch, "segments");
    const directory = OwnDirectory.make(path);
    const facts = await native.inspect(libc);
    const asContent = ({
      name,
      files,
    }: {
      name: string;
      files: { name: string; real: string | null }[];
    }) => ({
      name,
      libraries: files.map((file, at) => ({ ...file, path: `lib/${at}` })),
      // The third of them is not an ELF file.
      elf: ["lib/one", "lib/two"].map((real): Facts => ({ ...facts, path: real })),
    });
    const write = (name: string, fill: (writer: SegmentWriter) => void) => {
      const file = directory.create(name);
      const writer = new SegmentWriter(file);
      fill(writer);
      writer.finish({ name });
      file.close();
      return new Segment(directory.open(name) as NonNullable<ReturnType<typeof directory.open>>);
    };
    const expectAll = (segment: Segment, all: StorePathContent[]) => {
      const names = [...new Set(all.flatMap(({ libraries }) => libraries.map(({ name }) => name)))];
      expect([...new Set([...segment.allEntries()].map(([name]) => name))]).toEqual(names.sort());
      for (const name of [...names, "libnone.so"]) {
        const found = [...segment.entries(name)].map(
          ([, storePath, files]) => [storePath, files.map((file) => segment.named(file))] as const,
        );
        const expected = all
          .map(
            ({ name: storePath, libraries, elf }) =>
              [
                storePath,
                libraries
                  .filter((library) => library.name === name)
                  .map(({ path: below, real }) =>
                    real === null
                      ? [below, null]
                      : [below, real, elf.find((each) => each.path === real) ?? null],
                  ),
              ] as const,
          )
          .filter(([, files]) => files.length > 0)
          .sort(([one], [other]) => (one < other ? -1 : 1));
        expect(found).toEqual(expected);
      }
    };
    fc.assert(
      fc.property(contents, (given) => {
        const all = given.map(asContent);
        const one = write("one", (writer) => {
          for (const content of all) writer.add(content);
        });
        expectAll(one, all);
        const isKept = (storePath: string) => storePath < `${hash(20)}`;
        const other = write("other", (writer) => writer.copy(one, isKept));
        expectAll(
          other,
          all.filter(({ name }) => isKept(name)),
        );
        one.close();
        other.close();
      }),
      { numRuns: 50 },
    );
    directory.close();
  });

  it("may have any content, and is then rebuilt", async () => {
    await answers(place, true);
    const { said: _, ...right } = await answers(place, false);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        writeFileSync(fileOf(place, "manifest"), bytes);
        const { said, ...indexed } = await answers(place, true);
        expect(said).toEqual([expect.stringMatching(/^the index is rebuilt: /)]);
        expect(indexed).toEqual(right);
      }),
      { numRuns: 30 },
    );
  });

  it("has the checksums that MurmurHash3 has elsewhere", () => {
    const sums = [
      ["", 0],
      ["hello", 0x248bfa47],
      ["hello, world", 0x149bbb7f],
      ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
    ] as const;
    for (const [text, sum] of sums) {
      expect(checksum(Buffer.from(text))).toBe(sum);
      // Wherever the bytes are in memory.
      expect(checksum(Buffer.from(`-${text}`).subarray(1))).toBe(sum);
    }
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
