// Where a field of ELF is full and another one holds the number, and where a number has more than 32 bits: the facts
// are readelf's, and an edit works and can be undone, or is refused with a reason.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import type { Edits } from "../lib/addon/requests.js";
import { compile, compileWith } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const source = '#include <stdio.h>\nint main(void) { puts("runs"); return 0; }';
const kinds = [
  ["PIE", "-pie"],
  ["non-PIE", "-no-pie"],
] as const;

const directory = scratchDirectory();
const records = join(directory, "records");
mkdirSync(records);

/** It also fails because of a note that it does not know. */
const readelf = (option: string, path: string) =>
  spawnSync("readelf", [option, "-W", path], { encoding: "utf8", maxBuffer: 1 << 28 }).stdout;
/** What readelf complains about. */
const complaints = (path: string) =>
  execFileSync("/bin/sh", ["-c", 'readelf -hldSW "$1" 2>&1 >/dev/null', "sh", path], {
    encoding: "utf8",
  });
const run = (path: string) => execFileSync(path, { encoding: "utf8" });

/** Fits only at the end of the file. */
const searchPath = { value: `/${"n".repeat(6000)}`, tag: "runpath" } as const;
/** More than there are spare entries in the dynamic table, so that it moves. */
const addNeeded = ["m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1", "resolv.so.2"].map(
  (name) => `lib${name}`,
);

/** Another name for the program's loader, longer than its place. */
async function longLoader(path: string): Promise<string> {
  const { interpreter } = await native.inspect(path);
  const folder = join(scratchDirectory(directory), "l".repeat(200));
  mkdirSync(folder);
  const name = join(folder, "ld.so");
  symlinkSync(interpreter as string, name);
  return name;
}

/** The beginning and the end of a sparse file: between them is a hole. */
function digest(path: string): string {
  const { size } = statSync(path);
  const hash = createHash("sha256").update(String(size));
  if (size < 1e9) return hash.update(readFileSync(path)).digest("hex");
  const ends = 'head -c 1000000 <"$1"; tail -c 1000000 <"$1"';
  return hash
    .update(execFileSync("/bin/sh", ["-c", ends, "sh", path], { maxBuffer: 1 << 22 }))
    .digest("hex");
}

async function write(path: string, edits: Edits) {
  const layout = await native.layOut(path, edits);
  const [failure] = await native.apply([{ path, output: path, layout, inPlace: false }], records);
  if (failure) throw failure;
}

/** Makes edits, one after the other, and undoes them; `look` sees each result. */
async function changeAndUndo(path: string, edits: readonly Edits[], look?: (path: string) => void) {
  const before = digest(path);
  const saidBefore = complaints(path);
  for (const each of edits) {
    await write(path, each);
    expect(run(path)).toBe("runs\n");
    expect(complaints(path)).toBe(saidBefore);
    const again = await native.layOut(path, each);
    expect([again.ranges, again.newSize]).toEqual([[], again.oldSize]);
    look?.(path);
  }
  expect(await native.undo([path], records)).toEqual([null]);
  expect(digest(path)).toBe(before);
}

async function refusal(path: string, edits: Edits) {
  const before = digest(path);
  const error = await native.layOut(path, edits).then(
    () => null,
    (failure: Error & { code: string }) => failure,
  );
  expect(digest(path)).toBe(before);
  return { code: error?.code, message: error?.message };
}

describe("more sections than e_shnum can count", needs("gcc", "readelf"), () => {
  /** A program with that many sections besides its own. */
  function program(name: string, count: number, flags: string, ...options: string[]): string {
    const home = scratchDirectory(directory);
    const text = Array.from(
      { length: count },
      (_, at) => `.section .x${at},"${flags}",@progbits\n.byte 1\n`,
    );
    const mark = '.section .note.GNU-stack,"",@progbits\n';
    writeFileSync(join(home, "many.s"), text.join("") + mark);
    return compile(join(home, name), source, "many.s", ...options);
  }
  /** As counted by readelf. */
  const count = (path: string) => {
    const header = readelf("-h", path);
    const [, field, real] = /Number of section headers: +(\d+)(?: \((\d+)\))?/.exec(header) ?? [];
    return { field: Number(field), real: Number(real ?? field) };
  };
  const section = (path: string, name: string) =>
    readelf("-S", path)
      .split("\n")
      .find((line) => line.split(/\s+/).includes(name));
  const cache = { resolutionCache: new TextEncoder().encode("libc.so.6\0/lib/libc.so.6\0\0") };

  // Those that a loader maps come before the dynamic table, so that symbols have no room for its number.
  it.each([
    ["PIE", "mapped", "-pie", "a"],
    ["non-PIE", "unmapped", "-no-pie", ""],
  ])("%s, %s", async (kind, _mapped, option, flags) => {
    const path = program("program", 65_400, flags, option);
    expect(count(path).field).toBe(0);
    const facts = await native.inspect(path);
    expect([facts.sectionHeaders, facts.overlay, facts.needed]).toEqual([
      true,
      null,
      ["libc.so.6"],
    ]);
    const before = count(path).real;
    const dynamicTable = () => section(path, ".dynamic")?.match(/DYNAMIC +(\w+)/)?.[1];
    const addressBefore = dynamicTable();
    const interpreter = await longLoader(path);
    await changeAndUndo(path, [{ searchPath, addNeeded, interpreter }], () => {
      // patchelf stops at one more.
      expect(count(path).real).toBe(kind === "non-PIE" ? before + 1 : before);
      expect(readelf("-l", path)).toContain(interpreter);
      expect(dynamicTable()).not.toBe(addressBefore);
      expect(readelf("-s", path)).toMatch(new RegExp(`${dynamicTable()} .* _DYNAMIC\n`));
    });
    await changeAndUndo(path, [cache], () => {
      expect(count(path)).toEqual({ field: 0, real: before + 1 });
      expect(section(path, ".note.nixos.ldcache")).toMatch(/ NOTE /);
    });
  });

  it("because of an edit", async () => {
    const most = 0xff00 - 1;
    const own = count(program("few", 60_000, "")).real - 60_000;
    const path = program("most", most - own, "");
    expect(count(path)).toEqual({ field: most, real: most });
    await changeAndUndo(path, [cache], () => {
      expect(count(path)).toEqual({ field: 0, real: most + 1 });
      expect(section(path, ".note.nixos.ldcache")).toMatch(/ NOTE /);
      expect(section(path, ".shstrtab")).toMatch(/ STRTAB /);
    });
  });
});

describe("more program headers than e_phnum can count", needs("gcc", "readelf", "x86-64"), () => {
  const count = 70_000;
  function crowded(type: number): string {
    const path = compile(join(scratchDirectory(directory), "program"), source);
    const bytes = readFileSync(path);
    const table = Buffer.alloc(count * 56);
    bytes.copy(table, 0, Number(bytes.readBigUInt64LE(32)), 64 + bytes.readUInt16LE(56) * 56);
    bytes.writeUInt16LE(type, 16);
    bytes.writeBigUInt64LE(BigInt(bytes.length), 32);
    bytes.writeUInt16LE(0xffff, 56); // PN_XNUM
    bytes.writeUInt32LE(count, Number(bytes.readBigUInt64LE(40)) + 44);
    writeFileSync(path, Buffer.concat([bytes, table]));
    expect(readelf("-h", path)).toMatch(/program headers: +65535 \(70000\)/);
    return path;
  }

  it("are refused in a core file", async () => {
    const path = crowded(4);
    expect(readelf("-h", path)).toMatch(/Type: +CORE/);
    const facts = await native.inspect(path);
    expect([facts.type, facts.overlay]).toEqual(["core", null]);
    expect((await refusal(path, { searchPath })).code).toBe("unsupported");
  });

  it("keep Linux from starting a program", async () => {
    const path = crowded(3);
    expect(spawnSync(path).status).not.toBe(0);
    expect(await refusal(path, { searchPath })).toEqual({
      code: "malformed",
      message: expect.stringMatching(/e_phnum is 65535 \(PN_XNUM.*takes at most 64 KiB/),
    });
  });
});

/** Moves the section headers to a later offset, and leaves a hole. */
function stretched(path: string, offset: number): string {
  const bytes = readFileSync(path);
  const wide = bytes[4] === 2;
  const [at, sizes] = wide ? [40, 58] : [32, 46];
  const from = wide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at);
  const table = bytes.subarray(
    from,
    from + bytes.readUInt16LE(sizes) * bytes.readUInt16LE(sizes + 2),
  );
  if (wide) bytes.writeBigUInt64LE(BigInt(offset), at);
  else bytes.writeUInt32LE(offset, at);
  const result = `${path}-stretched`;
  const file = openSync(result, "w");
  ftruncateSync(file, offset);
  writeSync(file, bytes, 0, bytes.length, 0);
  writeSync(file, table, 0, table.length, offset);
  closeSync(file);
  chmodSync(result, 0o755);
  return result;
}

describe("files above 4 GiB", needs("gcc", "readelf", "sparse files", "x86-64"), () => {
  it.each(kinds)("%s", async (_kind, option) => {
    const small = compile(join(scratchDirectory(directory), "program"), source, option);
    const path = stretched(small, 5e9);
    expect(readelf("-h", path)).toMatch(/Start of section headers: +5000000000 /);
    expect(await native.inspect(path)).toEqual({
      ...(await native.inspect(small)),
      path,
      size: statSync(path).size,
    });
    const interpreter = await longLoader(path);
    const longer = { ...searchPath, value: searchPath.value.repeat(3) };
    await changeAndUndo(path, [{ interpreter, searchPath }, { searchPath: longer }], () => {
      // The appended segment is after the hole, which takes no disk space.
      expect(readelf("-l", path)).toMatch(/LOAD +0x12a05f\w{3} .* R /);
      expect(statSync(path).blocks * 512).toBeLessThan(1e6);
    });
  });

  it("cannot be 32-bit", needs("i686-linux-gnu-gcc"), async () => {
    const small = join(scratchDirectory(directory), "program");
    const path = stretched(compileWith("i686-linux-gnu-gcc", small, source), 2 ** 32 - 4096);
    expect((await native.inspect(path)).needed).toEqual(["libc.so.6"]);
    expect(await refusal(path, { searchPath })).toEqual({
      code: "unsupported",
      message: expect.stringContaining("no offsets beyond 4 GiB"),
    });
  });
});

describe("segments aligned to 2 MiB", needs("gcc", "readelf", "x86-64"), () => {
  const linkers = [
    ["bfd", []],
    ["lld", ["ld.lld"]],
    ["mold", ["ld.mold"]],
  ] as const;
  describe.each(linkers)("by %s", (linker, parts) => {
    it.each(kinds)("%s", needs(...parts), async (_kind, option) => {
      const path = compile(
        join(scratchDirectory(directory), "program"),
        source,
        option,
        `-fuse-ld=${linker}`,
        "-Wl,-z,max-page-size=0x200000",
      );
      expect(readelf("-l", path)).toMatch(/LOAD .* 0x200000\n/);
      const interpreter = await longLoader(path);
      const longer = { ...searchPath, value: searchPath.value.repeat(3) };
      const edits = [{ searchPath }, { interpreter, addNeeded }, { searchPath: longer }];
      await changeAndUndo(path, edits, () => {
        for (const [, offset, address] of readelf("-l", path).matchAll(/LOAD +(\w+) (\w+) /g))
          expect((BigInt(address as string) - BigInt(offset as string)) % 0x200000n).toBe(0n);
      });
    });
  });
});

describe("notes above 1 MiB", needs("gcc", "readelf"), () => {
  const size = 3_000_000;
  function noted(owner: string, type: number, option: string): string {
    const home = scratchDirectory(directory);
    writeFileSync(
      join(home, "note.s"),
      [
        '.section .note.big,"a",@note\n.p2align 2',
        `.long 4, ${size}, ${type}\n.asciz "${owner}"\n.fill ${size}, 1, 65`,
        '.p2align 2\n.section .note.GNU-stack,"",@progbits\n',
      ].join("\n"),
    );
    const path = compile(join(home, "program"), source, "note.s", option);
    expect(readelf("-n", path)).toMatch(new RegExp(`${owner} +0x002dc6c0`));
    return path;
  }

  it.each(kinds)("are kept if their content is unknown: %s", async (_kind, option) => {
    const path = noted("XYZ", 1, option);
    const { buildId } = (await native.inspect(path)).notes;
    expect(readelf("-n", path)).toContain(`Build ID: ${buildId}`);
    const interpreter = await longLoader(path);
    await changeAndUndo(path, [{ interpreter }, { searchPath, addNeeded }]);
  });

  it("are not read if they are a list of libraries", async () => {
    const path = noted("FDO", 0x407c0c0a, "-pie");
    expect(await refusal(path, { searchPath })).toEqual({
      code: "limit-exceeded",
      message: expect.stringContaining("more than 1 MiB of known notes"),
    });
  });
});
