// lib/store on a directory shaped like a store, made from this machine's own glibc.
import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Facts } from "../lib/addon/facts.js";
import { native } from "../lib/addon/native.js";
import { isLoaderName } from "../lib/file/interpreter.js";
import { bannerVersion, versionIn } from "../lib/file/libc_banner.js";
import { compareVersions } from "../lib/file/versions.js";
import { Store } from "../lib/store/context.js";
import { whyNot } from "../lib/store/find.js";
import { listLibraries } from "../lib/store/libraries.js";
import { glibcVersion } from "../lib/store/loaders.js";
import { Nix, parsePathInfos, parseRoots } from "../lib/store/nix.js";
import { inStore, nameOf, realPathIn, storePathOf, storePlace } from "../lib/store/place.js";
import { type Candidate, isNamesake, parseName, rank } from "../lib/store/rank.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, ownLibc, ownLoader, storePath } from "./support/store.js";

const unknown = { closure: null, rooted: null };

describe("a store's place", () => {
  it("takes store paths apart", () => {
    const path = `${storePath("zlib-1.3", "a")}/lib/libz.so.1`;
    expect(storePathOf(path, "/nix/store")).toBe(storePath("zlib-1.3", "a"));
    expect(nameOf(storePath("zlib-1.3", "a"))).toBe("zlib-1.3");
    expect(storePathOf("/nix/store/.links/x", "/nix/store")).toBeNull();
    expect(storePathOf("/usr/lib/libz.so.1", "/nix/store")).toBeNull();
    expect(inStore("/nix/store/../../etc", "/nix/store")).toBe(false);
    expect(inStore("/nix/storehouse/x", "/nix/store")).toBe(false);
  });

  it("fills in defaults", () => {
    expect(storePlace({ root: "/" })).toEqual({
      root: "",
      store: "/nix/store",
      system: "/run/current-system/sw",
    });
    expect(storePlace({ root: "/mnt/", store: "/s/" })).toMatchObject({
      root: "/mnt",
      store: "/s",
    });
  });
});

describe("what Nix knows about a store", () => {
  it("reads roots, without those of processes", () => {
    const output = [
      "/proc/12/maps -> /nix/store/x-1",
      "{lsof} -> /nix/store/x-2",
      "{temp:12} -> /nix/store/x-3",
      "{memory:3} -> /nix/store/x-4",
      "{censored} -> /nix/store/x-5",
      "/home/a -> b/result -> /nix/store/x-6",
    ].join("\n");
    expect(parseRoots(output)).toEqual([
      { link: "{censored}", path: "/nix/store/x-5" },
      { link: "/home/a -> b/result", path: "/nix/store/x-6" },
    ]);
  });

  it("reads path-info of old and new Nix", () => {
    const known = { path: "/nix/store/x", narSize: 7, references: ["/nix/store/y"], deriver: null };
    expect(parsePathInfos(JSON.stringify([known]))).toEqual([known]);
    expect(
      parsePathInfos(
        JSON.stringify({ "/nix/store/x": { narSize: 7, references: ["/nix/store/y"] } }),
      ),
    ).toEqual([known]);
    expect(parsePathInfos('{"/nix/store/x":null}')).toEqual([]);
    expect(parsePathInfos('[{"path":"/nix/store/x","valid":false}]')).toEqual([]);
  });

  it("returns null, with the reason, for a store without a database", async () => {
    const nix = new Nix(storePlace({ root: "/nowhere" }));
    expect(await nix.available()).toBe(false);
    expect(await nix.requisites(["/nix/store/x"])).toBeNull();
    expect(await nix.gcRoots()).toBeNull();
    expect(await nix.isValid("/nix/store/x")).toBeNull();
    expect(nix.whyUnknown).toContain("no Nix database");
  });
});

describe("a rank of candidates", () => {
  const candidate = (storePath: string, extra: Partial<Candidate> = {}): Candidate => ({
    path: `${storePath}/lib/libz.so.1`,
    storePath,
    named: false,
    ...extra,
  });
  const older = candidate(storePath("zlib-1.2.13", "a"));
  const newer = candidate(storePath("zlib-1.3.1", "b"));
  const newest = candidate(storePath("zlib-1.10", "c"));
  const bootstrap = candidate(storePath("bootstrap-tools-99", "d"));
  const initrd = candidate(storePath("extra-utils", "e"));
  const isMadeForZlib = (packageName: string) => isNamesake(packageName, "libz.so.1");
  const paths = (ranked: Candidate[]) => ranked.map(({ path }) => path);

  it("compares versions as numbers", () => {
    expect(compareVersions("2.9", "2.40")).toBeLessThan(0);
    expect(compareVersions("2.40-66", "2.40")).toBeGreaterThan(0);
    expect(compareVersions("2.40rc1", "2.40")).toBeLessThan(0);
    expect(compareVersions(null, "1")).toBeLessThan(0);
    expect(parseName("glibc-2.40-66")).toEqual({ packageName: "glibc", version: "2.40-66" });
    expect(parseName("gcc-14.2.1-lib")).toEqual({ packageName: "gcc", version: "14.2.1" });
  });

  it("takes a trimmed copy only after every complete one", () => {
    const trimmed = candidate(storePath("zlib-9", "f"), { partial: true });
    expect(paths(rank([trimmed, older, initrd], unknown, isMadeForZlib))).toEqual(
      paths([older, trimmed, initrd]),
    );
  });

  it("takes the newest first, and bootstrap copies last", () => {
    const ranked = rank([initrd, bootstrap, older, newest, newer], unknown, isMadeForZlib);
    expect(paths(ranked).slice(0, 3)).toEqual(paths([newest, newer, older]));
    expect(ranked[0]?.reasons).toContain("newest of 3 (1.10)");
    expect(ranked[3]?.reasons).toContain("bootstrap copy: taken only when nothing else is there");
    expect(ranked[0]?.current).toBeNull();
  });

  it("prefers the user's, then the current system's, then rooted ones", () => {
    const users = candidate("", { path: "/opt/lib/libz.so.1", storePath: null, named: true });
    const knowledge = {
      closure: new Set([older.storePath as string, bootstrap.storePath as string]),
      rooted: new Set([newer.storePath as string, older.storePath as string]),
    };
    const ranked = rank([newest, newer, bootstrap, older, users], knowledge, isMadeForZlib);
    expect(paths(ranked)).toEqual(paths([users, older, newer, newest, bootstrap]));
    expect(ranked[0]?.reasons).toEqual(["named by the user"]);
    expect(ranked[1]?.reasons).toEqual(["in the current system's closure", "kept by a GC root"]);
  });

  it("reports when two are equally good", () => {
    const twin = candidate(storePath("zlib-1.10", "f"));
    const ranked = rank([twin, newest], unknown, isMadeForZlib);
    expect(ranked[0]?.reasons).toEqual([`as good as ${twin.path}; it comes first by name`]);
    expect(ranked[1]?.reasons).toEqual([`as good as ${newest.path}`]);
  });

  it("does not take another package's copy for a newer version", () => {
    const bundled = candidate(storePath("browser-120", "g"), {
      path: `${storePath("browser-120", "g")}/lib/browser/libz.so.1`,
    });
    const other = candidate(storePath("abc-99", "h"));
    expect(paths(rank([bundled, other, older], unknown, isMadeForZlib))).toEqual(
      paths([older, other, bundled]),
    );
  });
});

describe("loader names and versions", () => {
  it("knows a loader by its name", () => {
    for (const name of [
      "ld-linux-x86-64.so.2",
      "ld-linux.so.2",
      "ld-musl-x86_64.so.1",
      "ld64.so.2",
    ])
      expect(isLoaderName(name)).toBe(true);
    for (const name of ["ld-2.33.so", "libc.so.6", "ld-linux-x86-64.so.2.debug"])
      expect(isLoaderName(name)).toBe(false);
    expect(native.looksLikeLibrary("libz.so.1.3")).toBe(true);
    expect(native.looksLikeLibrary("libz.a")).toBe(false);
  });

  it("refines libc's version by the name if the two agree", () => {
    const defined = ["GLIBC_2.2.5", "GLIBC_2.40", "GLIBC_2.9", "GLIBC_PRIVATE"];
    expect(glibcVersion(defined, "glibc-2.40-66")).toBe("2.40-66");
    expect(glibcVersion(defined, "glibc-2.39-5")).toBe("2.40");
    expect(glibcVersion(["GLIBC_2.4"], "glibc-2.40-66")).toBe("2.4");
    expect(glibcVersion([], "glibc-2.40-66")).toBeNull();
    // glibc 2.37, for example, added no symbol versions.
    expect(glibcVersion(["GLIBC_2.36"], "glibc-2.37-8", "2.37")).toBe("2.37-8");
    expect(glibcVersion(["GLIBC_2.36"], "elsewhere", "2.37")).toBe("2.37");
  });

  it("reads a C library's own banner", async () => {
    const glibc = "\0GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n";
    expect(versionIn(glibc, "glibc")).toBe("2.36");
    expect(
      versionIn("GNU C Library (GNU libc) development release version 2.42.9000.", "glibc"),
    ).toBe("2.42.9000");
    expect(versionIn("musl libc (x86_64)\nVersion %s\0...\x001.2.5\0", "musl")).toBe("1.2.5");
    expect(versionIn("\x001.2.5\0", "musl")).toBeNull();
    expect(await bannerVersion("/nowhere", "glibc")).toBeNull();
    const { header } = process.report.getReport() as { header: { glibcVersionRuntime: string } };
    expect(await bannerVersion(ownLibc(), "glibc")).toBe(header.glibcVersionRuntime);
  });
});

describe("a store", () => {
  const root = scratchDirectory();
  const place = storePlace({ root });
  const glibc = storePath("glibc-2.99-1", "a");
  const environment = storePath("system-path", "b");
  const bootstrap = storePath("bootstrap-tools", "c");
  const loader = basename(ownLoader());

  beforeAll(() => {
    for (const path of [glibc, bootstrap]) copyGlibc(join(root, path, "lib"));
    mkdirSync(join(root, environment, "lib/nested"), { recursive: true });
    symlinkSync("lib", join(root, glibc, "lib64"));
    symlinkSync("../..", join(root, environment, "lib/nested/circle"));
    symlinkSync(`${glibc}/lib/libc.so.6`, join(root, environment, "lib/nested/libc.so.6"));
    symlinkSync(`${glibc}/lib/${loader}`, join(root, environment, "lib", loader));
    mkdirSync(join(root, "run"));
    mkdirSync(join(root, "opt"));
    copyFileSync(ownLibc(), join(root, "opt/libc.so.6"));
  });

  it("follows absolute links below the root", async () => {
    const link = `${environment}/lib/nested/libc.so.6`;
    expect(await realPathIn(link, place)).toBe(`${glibc}/lib/libc.so.6`);
    expect(await realPathIn("/nowhere", place)).toBeNull();
  });

  it("resolves a path without links to itself, and any other to its real path", async () => {
    const library = `${glibc}/lib/libc.so.6`;
    expect(await realPathIn(library, place)).toBe(library);
    expect(await realPathIn(`${library}/below`, place)).toBeNull();
    expect(await realPathIn(`${glibc}/lib64/`, place)).toBe(`${glibc}/lib`);
    expect(await realPathIn(`${glibc}/lib/`, place)).toBe(`${glibc}/lib`);
    // From the root, not from beside it.
    mkdirSync(`${root}nix`);
    expect(await realPathIn(library.slice(1), place)).toBe(library);
    rmSync(`${root}nix`, { recursive: true });
  });

  it("has GC roots that are read inside the root, and kept", async () => {
    const auto = "/nix/var/nix/gcroots/auto";
    mkdirSync(join(root, auto), { recursive: true });
    mkdirSync(join(root, "home"));
    symlinkSync("/home/result", join(root, auto, "live"));
    symlinkSync(glibc, join(root, "home/result"));
    symlinkSync("/home/gone", join(root, auto, "stale"));
    expect(await new Nix(place).gcRoots()).toEqual([{ link: "/home/result", path: glibc }]);
    expect(readdirSync(join(root, auto))).toEqual(["live", "stale"]);
  });

  it("is listed with each file once, even if links form circles", async () => {
    const libraries = await listLibraries(place);
    expect(libraries.paths("libc.so.6")).toEqual([
      `${glibc}/lib/libc.so.6`,
      `${environment}/lib/nested/libc.so.6`,
      `${bootstrap}/lib/libc.so.6`,
    ]);
    expect((await listLibraries(storePlace({ root: "/nowhere" }))).names("")).toEqual([]);
  });

  it("has loaders, one of which is chosen", async () => {
    const loaders = await new Store(place).loaders();
    expect(loaders.map(({ path }) => path)).toEqual([
      `${glibc}/lib/${loader}`,
      `${bootstrap}/lib/${loader}`,
    ]);
    expect(loaders[0]).toMatchObject({ libc: "glibc", chosen: true, bootstrap: false });
    expect(loaders[0]).toMatchObject({ current: null, rooted: null });
    expect(loaders[0]?.version).toMatch(/^2\.\d+$/);
    expect(loaders[0]?.definedVersions).toContain("GLIBC_PRIVATE");
    expect(loaders[1]).toMatchObject({ chosen: false, bootstrap: true });
  });

  it("has providers, the user's first, and reports why others are rejected", async () => {
    const store = new Store(place, { userLibraryDirectories: ["/opt"] });
    const [chosen] = await store.loaders();
    if (chosen === undefined) throw new Error("no loader");
    const { machine, class: fileClass, byteOrder } = chosen;
    const kind = { machine, class: fileClass, byteOrder };
    const all = await store.providers(["libc.so.6", "libnone.so.1"], { ...kind, versions: [] });
    expect(all.get("libc.so.6")?.providers.map(({ path }) => path)).toEqual([
      "/opt/libc.so.6",
      `${glibc}/lib/libc.so.6`,
      `${bootstrap}/lib/libc.so.6`,
    ]);
    expect(all.get("libnone.so.1")).toEqual({ providers: [], rejected: [] });
    const none = await store.providers(["libc.so.6"], { ...kind, versions: ["GLIBC_9.9"] });
    expect(none.get("libc.so.6")?.providers).toEqual([]);
    expect(none.get("libc.so.6")?.rejected[0]?.why).toBe("does not define GLIBC_9.9");
  });
});

describe("the reason for rejecting a library", () => {
  const facts = {
    type: "shared-library",
    machine: "x86-64",
    class: "ELF64",
    byteOrder: "little-endian",
    versionsDefined: ["A_1"],
  } as Facts;
  const wanted = {
    machine: "x86-64",
    class: "ELF64",
    byteOrder: "little-endian",
    versions: new Map([["liba.so", ["A_1", "A_2"]]]),
  } as const;

  it("names what differs", () => {
    expect(whyNot(facts, "liba.so", wanted)).toBe("does not define A_2");
    expect(whyNot(facts, "libb.so", wanted)).toBeNull();
    expect(whyNot({ ...facts, versionsDefined: [] }, "liba.so", wanted)).toBeNull();
    expect(whyNot({ ...facts, machine: "arm" }, "liba.so", wanted)).toContain("wrong machine");
    expect(whyNot({ ...facts, class: "ELF32" }, "liba.so", wanted)).toContain("wrong class");
  });
});
