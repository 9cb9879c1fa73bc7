// nix-index's database: what is read from it is what an independent reader finds, and damage is
// reported.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { diagnose } from "../lib/index.js";
import { locator, NixIndex } from "../lib/store/nixpkgs/nix_index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { compressed, type Package, Writer, withHeader } from "./support/nix_index.js";
import { scratchDirectory } from "./support/scratch.js";

/** The same numbers each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function somePackages(count: number): Package[] {
  const below = numbers(7);
  return Array.from({ length: count }, (_, index): Package => {
    const stem = `${"abcdefghij"[below(10)]}${below(count)}`;
    const deep = `/share/${"long/".repeat(below(60))}${stem}`;
    const libraries = below(3) === 0 ? ["", `.${below(4)}`, `.${below(4)}.1.2`] : [];
    const files: Package["files"] = [
      ["4096d", "/bin"],
      [`${below(9999)}x`, `/bin/${stem}`],
      ...libraries.map((end): [string, string] => ["7x", `/lib/lib${stem}.so${end}`]),
      ["0d", `/lib/lib${stem}.so.d`],
      ["9r", `/lib/deeper/lib${stem}.so`],
      ["target.soss", `/lib/lib${stem}-link.so`],
      ["1r", deep],
      ["2r", `${deep}2`],
    ];
    const attribute = below(5) === 0 ? `set.p${index}` : `p${index}`;
    const output = below(2) === 0 ? "out" : "lib";
    return { attribute, output, name: `${stem}-1.${below(9)}`, toplevel: below(8) > 0, files };
  });
}

/** By soname: all packages that have the library directly in their lib. */
function librariesOf(packages: readonly Package[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { attribute, output, name, toplevel, files } of packages) {
    for (const [meta, path] of files) {
      const [, soname] = /^\/lib\/(lib[^/]*\.so[^/]*)$/.exec(path) ?? [];
      if (soname === undefined || meta.endsWith("d")) continue;
      found.set(soname, [
        ...(found.get(soname) ?? []),
        `${attribute} ${output} ${name} ${toplevel}`,
      ]);
    }
  }
  return found;
}

describe("nix-index's database", needs("zstd"), () => {
  const directory = scratchDirectory();
  const database = join(directory, "nix-index");
  const file = join(database, "files");
  function write(packages: readonly Package[], ...flags: string[]): Buffer {
    const writer = new Writer();
    for (const each of packages) writer.add(each);
    return writeStream(compressed(writer.content(), ...flags));
  }

  function writeStream(stream: Buffer, version = 1): Buffer {
    mkdirSync(database, { recursive: true });
    writeFileSync(file, withHeader(stream, version));
    return stream;
  }

  beforeEach(() => {
    vi.stubEnv("XDG_CACHE_HOME", join(directory, "cache"));
    vi.stubEnv("NIX_INDEX_DATABASE", database);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(join(directory, "cache"), { recursive: true, force: true });
  });

  it.each([["-1"], ["-9"], ["-19"], ["--ultra", "-22"], ["--no-check", "-3"]])(
    "has the libraries that an independent reader finds (zstd %s)",
    async (...flags) => {
      const packages = somePackages(1500);
      write(packages, ...flags);
      const index = await NixIndex.open();
      expect(index?.about).toMatchObject({ path: file, isOfPrograms: false });
      const wanted = librariesOf(packages);
      expect(wanted.size).toBeGreaterThan(1500);
      for (const [soname, expected] of wanted) {
        const found = index?.packages(soname).map((each) => {
          return `${each.attribute} ${each.output} ${each.name} ${each.isOwn}`;
        });
        expect(found?.toSorted(), soname).toEqual(expected.toSorted());
      }
      for (const absent of ["", "lib", "liba.so", "libzzz.so.1", "a.so", "libp.d"])
        expect(index?.packages(absent)).toEqual([]);
    },
  );

  it("is kept, and read again only when it has been replaced", async () => {
    write([onePackage("one", "libone.so.1")]);
    expect((await NixIndex.open())?.packages("libone.so.1")).toHaveLength(1);
    const kept = readFileSync(join(directory, "cache/fixelf/nix-index/libraries"), "utf8");
    const lines = kept.split("\n");
    expect(lines.slice(2)).toEqual(["libone.so.1\t0", ""]);
    expect(lines[1]).toContain('"attr":"one"');
    write([onePackage("other", "libother.so.1")]);
    utimesSync(file, 1, 1);
    const again = await NixIndex.open();
    expect(again?.about.date).toBe("1970-01-01");
    expect(again?.packages("libone.so.1")).toEqual([]);
    expect(again?.packages("libother.so.1")).toHaveLength(1);
  });

  it("may be absent, which is not mentioned", async () => {
    vi.stubEnv("NIX_INDEX_DATABASE", join(directory, "nowhere"));
    const told: string[] = [];
    expect(await locator((message) => told.push(message))("libone.so.1")).toBeNull();
    expect(told).toEqual([]);
  });

  it("is found where the wrapper of nix-locate names it", async () => {
    write([onePackage("one", "libone.so.1")]);
    vi.stubEnv("NIX_INDEX_DATABASE", undefined);
    const bin = join(directory, "bin");
    mkdirSync(bin, { recursive: true });
    const wrapper = join(bin, "nix-locate");
    writeFileSync(
      wrapper,
      `#!/bin/sh\nexport NIX_INDEX_DATABASE='${database}'\nexec -a x y "$@"\n`,
    );
    chmodSync(wrapper, 0o755);
    vi.stubEnv("PATH", bin);
    expect(await locator()("libone.so.1")).toMatchObject({ packages: [{ attribute: "one" }] });
    writeFileSync(wrapper, `\x7fELF\0--set NIX_INDEX_DATABASE\0${database}\0`);
    expect(await locator()("libone.so.1")).toMatchObject({ packages: [{ attribute: "one" }] });
  });

  const sentence = async () => {
    const told: string[] = [];
    expect(await locator((message) => told.push(message))("libone.so.1")).toBeNull();
    return told.join("\n");
  };

  it("is reported if it has programs only", async () => {
    write([{ ...onePackage("one", "x"), files: [["3x", "/bin/one"]] }]);
    expect(await sentence()).toBe(
      `${file} is a database of programs only, which knows no libraries`,
    );
  });
  it("is reported if it has another version", async () => {
    writeStream(compressed(Buffer.from("")), 2);
    expect(await sentence()).toContain("in version 2, and version 1 is what can be read");
  });
  it("is reported if it is some other file", async () => {
    mkdirSync(database, { recursive: true });
    writeFileSync(file, "SQLite format 3");
    expect(await sentence()).toContain("it is no database of nix-index");
  });

  it("is reported if it is cut short or damaged anywhere, and never answers wrongly", async () => {
    const packages = somePackages(60);
    const stream = write(packages);
    const below = numbers(11);
    const [[soname, right]] = [...librariesOf(packages)] as [[string, string[]]];
    for (let trial = 0; trial < 60; trial++) {
      writeStream(stream.subarray(0, below(stream.length)));
      expect(await sentence(), `cut ${trial}`).toMatch(/ends|damaged|within/);
    }
    for (let trial = 0; trial < 300; trial++) {
      const damaged = Buffer.from(stream);
      const at = below(stream.length);
      damaged[at] = (damaged[at] as number) ^ (1 << below(8));
      writeStream(damaged);
      const told: string[] = [];
      const answer = await locator((message) => told.push(message))(soname);
      // A flipped bit that means nothing (RFC 8878, 3.1.1.1.1.3), or requires a larger window,
      // changes nothing.
      if (answer === null) expect(told, `flip at ${at}`).toHaveLength(1);
      else expect(answer.packages, `flip at ${at}`).toHaveLength(right.length);
    }
  });

  it("is reported if an entry is not a path, or not a package", async () => {
    const writer = new Writer();
    writer.add(onePackage("one", "libone.so.1"));
    const content = writer.content();
    const stop = content.lastIndexOf("p\0");
    for (const wrong of [
      content.subarray(0, stop),
      Buffer.concat([content, Buffer.from("1r\0\x7f/x\n")]),
      Buffer.concat([content, Buffer.from("1r\0")]),
      Buffer.concat([content, Buffer.alloc(200_000, "a")]),
    ]) {
      writeStream(compressed(wrong));
      expect(await sentence()).toMatch(/damaged|ends within/);
    }
  });

  it("is cached again if our cache of it is damaged", async () => {
    write(somePackages(200));
    await NixIndex.open();
    const kept = join(directory, "cache/fixelf/nix-index/libraries");
    writeFileSync(kept, readFileSync(kept).subarray(0, 5000));
    expect((await NixIndex.open())?.packages("libzzz.so")).toEqual([]);
    const size = readFileSync(kept).length;
    const descriptor = openSync(kept, "r+");
    const head = readFileSync(kept).indexOf(10) + 1;
    writeSync(descriptor, Buffer.alloc(size - head, "x"), 0, size - head, head);
    closeSync(descriptor);
    const told: string[] = [];
    expect(await locator((message) => told.push(message))("libzzz.so")).toMatchObject({
      packages: [],
    });
    expect(told).toEqual([]);
    expect(readFileSync(kept, "utf8")).not.toContain("xxxx");
  });

  it.each([
    ["text", "not json"],
    ["null", "null"],
    ["of no origin", '{"name":"one-1.0","origin":null}'],
  ])("is reported if it describes a package by something else (%s)", async (_, description) => {
    const content = `1r\0\0/lib/libone.so.1\np\0\0${description}\n`;
    writeStream(compressed(Buffer.from(content, "latin1")));
    expect(await sentence()).toBe(
      `nix-index's database is not used: ${file}: a package in it is not described`,
    );
  });

  it("has no library with a NUL in its name, or with a part of one", async () => {
    const described = JSON.stringify({ name: "one-1.0", origin: { attr: "one" } });
    const content = `1r\0\0/lib/libone.so\0.so\n1r\0\x05libtwo.so\np\0\xfb${described}\n`;
    writeStream(compressed(Buffer.from(content, "latin1")));
    const locate = locator();
    expect(await locate("libone.so")).toMatchObject({ packages: [] });
    expect(await locate("libtwo.so")).toMatchObject({ packages: [{ attribute: "one" }] });
  });

  it("may itself be named by the variable", async () => {
    write([onePackage("one", "libone.so.1")]);
    vi.stubEnv("NIX_INDEX_DATABASE", file);
    expect(await locator()("libone.so.1")).toMatchObject({ packages: [{ attribute: "one" }] });
  });

  it.each([
    ["FIFO", (path: string) => execFileSync("mkfifo", [path]), "it is no regular file"],
    ["directory", mkdirSync, "it is no regular file"],
    ["device", (path: string) => symlinkSync("/dev/zero", path), "it is no regular file"],
    ["circle", (path: string) => symlinkSync("files", path), "it cannot be found (ELOOP)"],
  ])("is reported if it is a %s", async (_, make, why) => {
    rmSync(database, { recursive: true, force: true });
    mkdirSync(database);
    make(file);
    expect(await sentence()).toBe(`nix-index's database is not used: ${file}: ${why}`);
    rmSync(database, { recursive: true });
  });

  it("is reported if something follows its stream", async () => {
    const stream = write([onePackage("one", "libone.so.1")]);
    for (const more of [
      Buffer.from("junk"),
      Buffer.alloc(1),
      Buffer.alloc(100_000),
      stream.subarray(0, 9),
    ]) {
      writeStream(Buffer.concat([stream, more]));
      expect(await sentence()).toMatch(
        /its Zstandard stream (is damaged: no frame begins|ends too early)/,
      );
    }
  });

  it("is reported if its stream has no end of its own and becomes too long", async () => {
    // One block of one byte, repeated: 128 KiB for every four bytes of the file.
    const frame = Buffer.from("28b52ffd0058", "hex");
    writeStream(
      Buffer.concat([frame, ...Array(100_000).fill(Buffer.from([0x02, 0x00, 0x10, 0x61]))]),
    );
    expect(await sentence()).toContain("an entry is too long");
  });

  describe("in a finding", needs("gcc"), () => {
    it("is named with its date and reasons", async () => {
      write([onePackage("thing", "libthing.so.9"), onePackage("thingFull", "libthing.so.9")]);
      utimesSync(file, 86_400, 86_400);
      const library = join(directory, "libthing.so");
      compile(library, "int thing(void) { return 0; }", "-shared", "-Wl,-soname,libthing.so.9");
      const source = "int thing(void); int main(void) { return thing(); }";
      const [diagnosis] = await diagnose([compile(join(directory, "program"), source, library)]);
      const [finding] = diagnosis?.findings ?? [];
      expect(finding).toMatchObject({ code: "library-missing" });
      expect(finding?.evidence).toContain(
        "nixpkgs#thing.out: has libthing.so.9 in its lib; it is at the top of nixpkgs; it is called like the library (nix-index's database of 1970-01-02)",
      );
      expect(finding?.remedy).toContain("libthing.so.9 is in nixpkgs#thing.out");
      expect(finding?.remedy).toContain("fixelf fix --get");
    });
  });

  function onePackage(attribute: string, soname: string): Package {
    const name = `${attribute}-1.0`;
    return { attribute, output: "out", name, toplevel: true, files: [["1x", `/lib/${soname}`]] };
  }
});
