// Executables that carry something after their ELF structure, or look themselves up in it: after an edit they still
// find it, or the edit is refused and nothing has changed. patchelf never refuses, so the drop-in puts its changes
// after what they carry, and repeats that.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { programPath } from "../lib/addon/programs.js";
import { type EditRequest, edit, FixelfError, inspect, patchelf, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs, pathOf } from "./support/needs.js";
import { run as start } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

/** Each finds its payload in a way of its own, and prints it. */
const programs = {
  "from the end of the file": `
    fseek(self, -8, SEEK_END); fread(&length, 8, 1, self);
    fseek(self, -8 - (long)length, SEEK_END);`,
  "from an offset that was recorded": `
    offset = recorded[1]; fseek(self, 0, SEEK_END);
    length = ftell(self) - offset - 8; fseek(self, offset, SEEK_SET);`,
  // An AppImage's runtime takes what follows the section headers as its file system.
  "behind the section headers": `
    Elf64_Ehdr header; fread(&header, sizeof header, 1, self);
    offset = header.e_shoff + (unsigned long)header.e_shentsize * header.e_shnum;
    fseek(self, 0, SEEK_END); length = ftell(self) - offset - 8; fseek(self, offset, SEEK_SET);`,
};

/** These need not know where their payload, or the file, ends. */
const exact = {
  "from the end of the file": programs["from the end of the file"],
  "at an offset and a size that were recorded": `
    length = recorded[2]; fseek(self, recorded[1], SEEK_SET);`,
  "behind all segments and sections": `
    Elf64_Ehdr header; fread(&header, sizeof header, 1, self);
    unsigned long last = header.e_shoff + (unsigned long)header.e_shentsize * header.e_shnum;
    Elf64_Phdr segment; Elf64_Shdr section;
    for (int each = 0; each < header.e_phnum; ++each) {
      fseek(self, header.e_phoff + each * sizeof segment, SEEK_SET); fread(&segment, sizeof segment, 1, self);
      if (segment.p_offset + segment.p_filesz > last) last = segment.p_offset + segment.p_filesz;
    }
    for (int each = 0; each < header.e_shnum; ++each) {
      fseek(self, header.e_shoff + each * sizeof section, SEEK_SET); fread(&section, sizeof section, 1, self);
      if (section.sh_type != SHT_NOBITS && section.sh_offset + section.sh_size > last)
        last = section.sh_offset + section.sh_size;
    }
    fseek(self, 0, SEEK_END); length = ftell(self) - last - 8; fseek(self, last, SEEK_SET);`,
};

const source = (find: string) => `
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* What packs the program looks for the mark, and writes offset and size behind it. */
volatile const unsigned long recorded[3] = {0x6b72616d20656874, 0, 0};
int main(void) {
  unsigned long length = 0, offset = 0;
  FILE *self = fopen("/proc/self/exe", "r");
  ${find}
  char *payload = calloc(1, length + 1);
  if (fread(payload, 1, length, self) != length) return 3;
  (void)offset;
  puts(payload);
  return recorded[0] == 0;
}`;

const sections = `
    Elf64_Ehdr header; fread(&header, sizeof header, 1, self);
    Elf64_Shdr *table = calloc(header.e_shnum, sizeof *table);
    fseek(self, header.e_shoff, SEEK_SET); fread(table, sizeof *table, header.e_shnum, self);
    char *names = malloc(table[header.e_shstrndx].sh_size);
    fseek(self, table[header.e_shstrndx].sh_offset, SEEK_SET);
    fread(names, 1, table[header.e_shstrndx].sh_size, self);
    for (int each = 0; each < header.e_shnum; ++each)
      if (strcmp(names + table[each].sh_name, ".payload") == 0) {
        length = table[each].sh_size; offset = table[each].sh_offset;
      }
    fseek(self, offset, SEEK_SET);`;

const payload = "what it carries, ".repeat(50);

describe("payload executables", needs("gcc"), () => {
  const directory = scratchDirectory();
  const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const run = (path: string) => execFileSync(path, { encoding: "utf8" }).trim();
  let interpreter: string;

  beforeAll(async () => {
    interpreter = (await inspect(process.execPath)).interpreter as string;
  });

  const build = (name: string, find: string, ...options: string[]) =>
    compile(join(directory, name.replaceAll(" ", "-")), source(find), "-w", ...options);
  const pack = (path: string) => {
    const bytes = readFileSync(path);
    const mark = bytes.indexOf("the mark");
    bytes.writeBigUInt64LE(BigInt(bytes.length), mark + 8);
    bytes.writeBigUInt64LE(BigInt(payload.length), mark + 16);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(payload.length));
    writeFileSync(path, Buffer.concat([bytes, Buffer.from(payload), length]));
    return path;
  };
  /** Another name for this machine's loader, too long for any slot. */
  const loaderOfLength = (length: number) => {
    const folder = join(directory, "l".repeat(length));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "ld.so");
    if (!statSync(path, { throwIfNoEntry: false })) symlinkSync(interpreter, path);
    return path;
  };
  const refusal = async (path: string, edits: EditRequest) => {
    const before = sha256(path);
    const error = await edit(path, edits).catch((caught) => caught);
    expect(error).toBeInstanceOf(FixelfError);
    expect(error.code).toBe("unsupported");
    expect(sha256(path)).toBe(before);
    return error.message as string;
  };
  const changeAndUndo = async (path: string, edits: EditRequest, says: string) => {
    const before = sha256(path);
    expect((await edit(path, edits)).outcome).toBe("changed");
    expect(run(path)).toBe(says);
    expect((await undo([path]))[0]?.outcome).toBe("restored");
    expect(sha256(path)).toBe(before);
  };

  describe.each(Object.entries(programs))("%s", (name, find) => {
    it("finds it after an edit that fits, and one that does not is refused", async () => {
      const path = pack(build(name, find));
      expect(run(path)).toBe(payload.trim());
      expect((await inspect(path)).overlay?.size).toBe(payload.length + 8);
      // It fits into the unused end of the first page.
      await changeAndUndo(path, { interpreter: loaderOfLength(60) }, payload.trim());
      await changeAndUndo(path, { executableStack: true, osAbi: 3 }, payload.trim());
      const message = await refusal(path, {
        searchPath: { set: "/n".repeat(9000) },
      });
      expect(message).toMatch(new RegExp(`${payload.length + 8} bytes follow .* payload`));
      expect(run(path)).toBe(payload.trim());
    });
    describe("where no segment has an unused end", needs("ld.lld"), () => {
      it("any edit is refused", async () => {
        const path = pack(build(`${name} lld`, find, "-fuse-ld=lld"));
        expect(run(path)).toBe(payload.trim());
        await refusal(path, { interpreter: loaderOfLength(60) });
        expect(run(path)).toBe(payload.trim());
      });
    });
  });

  // GNU ld's programs have room for a path; a search path of some kilobytes fits nowhere.
  const linkers = [
    { linker: "GNU ld", options: [], wants: [] },
    { linker: "GNU ld at a fixed address", options: ["-no-pie"], wants: [] },
    { linker: "lld", options: ["-fuse-ld=lld"], wants: ["ld.lld"] },
    { linker: "mold", options: ["-fuse-ld=mold", "-no-pie"], wants: ["ld.mold"] },
  ];
  describe.each(linkers)(
    "linked by $linker, after patchelf's edits",
    ({ linker, options, wants }) => {
      describe("that are too large for their place", needs(...wants), () => {
        it.each(Object.entries(exact))(
          "have the payload repeated after them: %s",
          async (name, find) => {
            const path = pack(build(`${name} ${linker} repeated`, find, ...options));
            const before = readFileSync(path);
            const set = async (letter: string, times: number) => {
              const value = `/${letter}`.repeat(times);
              const { reasons } = await patchelf(path, { setRpath: [value] });
              expect(run(path)).toBe(payload.trim());
              expect((await inspect(path)).runpath).toBe(value);
              const { size } = statSync(path);
              const overlay = { offset: size - payload.length - 8, size: payload.length + 8 };
              expect((await inspect(path)).overlay).toEqual(overlay);
              // It is still in its old place as well.
              const at = before.length - overlay.size;
              expect(readFileSync(path).subarray(at, before.length)).toEqual(before.subarray(at));
              return { size, reasons: reasons.join("\n") };
            };
            const first = await set("n", 3000);
            expect(first.reasons).toContain(`payload of ${payload.length + 8} bytes is repeated`);
            expect((await set("n", 3000)).size).toBe(first.size);
            const second = await set("m", 3000);
            expect(second.size).toBe(first.size);
            expect(second.reasons).not.toContain("repeated");
            const longer = await set("o", 4000);
            // By no more than the value and its alignment.
            expect(longer.size - first.size).toBeLessThanOrEqual(8016);
            expect((await set("p", 10)).size).toBe(longer.size);
            expect((await set("q", 4000)).size).toBe(longer.size);
            await refusal(path, { searchPath: { set: "/n".repeat(9000) } });
            await changeAndUndo(path, { searchPath: { set: "/r".repeat(4000) } }, payload.trim());
          },
        );
      });
    },
  );

  it("have the payload repeated only once, after an earlier segment, which moves", async () => {
    const path = build("packed after a fix", exact["at an offset and a size that were recorded"]);
    await edit(path, { searchPath: { set: "/n".repeat(3000) } });
    const { newSize } = await patchelf(pack(path), { setRpath: ["/m".repeat(4000)] });
    expect(run(path)).toBe(payload.trim());
    const longer = await patchelf(path, { setRpath: ["/o".repeat(5000)] });
    expect(run(path)).toBe(payload.trim());
    expect(longer.newSize - newSize).toBeLessThanOrEqual(10_016);
  });

  it("are warned about when patchelf's drop-in repeats the payload", () => {
    const find = programs["from an offset that was recorded"];
    const path = pack(build("warned of", find));
    const drop = (...words: string[]) => start([programPath("patchelf"), ...words, path]);
    expect(drop("--set-rpath", "/n")).toMatchObject({ code: 0, stderr: "" });
    expect(run(path)).toBe(payload.trim());
    const { code, stderr } = drop("--set-rpath", "/n".repeat(9000));
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*payload.* repeated .*\n$/);
    // The limit: this program takes everything up to the end.
    expect(run(path)).not.toBe(payload.trim());
  });

  it("find it in a section, which does not move", needs("objcopy"), async () => {
    const plain = build("from a section", sections);
    const path = `${plain}-packed`;
    writeFileSync(`${plain}.payload`, payload);
    execFileSync("objcopy", ["--add-section", `.payload=${plain}.payload`, plain, path]);
    expect(run(path)).toBe(payload.trim());
    expect((await inspect(path)).overlay).toBeNull();
    const value = "/n".repeat(9000);
    await changeAndUndo(
      path,
      { interpreter: loaderOfLength(200), searchPath: { set: value } },
      payload.trim(),
    );
  });

  /** The PT_LOADs of a 64-bit file. */
  const loadsOf = (bytes: Buffer) => {
    const at = (offset: number) => Number(bytes.readBigUInt64LE(offset));
    return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => at(32) + index * 56)
      .filter((header) => bytes.readUInt32LE(header) === 1)
      .map((header) => {
        const [offset, address, filed] = [at(header + 8), at(header + 16), at(header + 32)];
        const writable = (bytes.readUInt32LE(header + 4) & 2) !== 0;
        return { header, offset, address, filed, end: address + at(header + 40), writable };
      });
  };

  // What `bun build --compile` does with a copy of itself (oven-sh/bun, src/exe_format/elf.zig):
  // the first writable segment grows in the file and in memory past all others, and what followed
  // it in the file is moved, with the section headers but without the program headers.
  const packAsBun = (bun: string, path: string, text: string) => {
    const bytes = readFileSync(bun);
    const at = (offset: number) => Number(bytes.readBigUInt64LE(offset));
    const up = (value: number) => Math.ceil(value / 4096) * 4096;
    const loads = loadsOf(bytes);
    const grown = loads.find(({ writable }) => writable);
    if (grown === undefined) throw new Error("no segment is writable");
    const address = up(Math.max(...loads.map(({ end }) => end)));
    const size = address - grown.address + up(text.length + 8);
    const tail = grown.offset + grown.filed;
    const moved = grown.offset + size - tail;
    const packed = Buffer.alloc(bytes.length + moved);
    bytes.copy(packed, 0, 0, tail);
    bytes.copy(packed, tail + moved, tail);
    for (const field of [32, 40]) packed.writeBigUInt64LE(BigInt(size), grown.header + field);
    packed.writeBigUInt64LE(BigInt(at(40) + moved), 40);
    const content = grown.offset + (address - grown.address);
    packed.writeBigUInt64LE(BigInt(text.length), content);
    packed.write(text, content + 8);
    const names = at(at(40) + bytes.readUInt16LE(62) * 64 + 24);
    for (let index = 0; index < bytes.readUInt16LE(60); ++index) {
      const header = at(40) + index * 64;
      const name = names + bytes.readUInt32LE(header);
      if (bytes.toString("latin1", name, name + 5) === ".bun\0") {
        packed.writeBigUInt64LE(BigInt(address), at(header + 24));
        packed.writeBigUInt64LE(BigInt(address), header + moved + 16);
        packed.writeBigUInt64LE(BigInt(content), header + moved + 24);
        packed.writeBigUInt64LE(BigInt(text.length + 8), header + moved + 32);
      } else if (bytes.readUInt32LE(header + 4) !== 8 && at(header + 24) >= tail) {
        packed.writeBigUInt64LE(BigInt(at(header + 24) + moved), header + moved + 24);
      }
    }
    writeFileSync(path, packed, { mode: 0o755 });
    return path;
  };

  describe("that make programs from copies of themselves", needs("ld.lld"), () => {
    const maker = `
#include <stdio.h>
__attribute__((section(".bun"))) volatile unsigned long packed[2] = {0, 0};
char zeros[50000];
int main(void) {
  for (unsigned i = 0; i < sizeof zeros; ++i) if (zeros[i]) return 3;
  puts(packed[0] ? (char *)packed[0] + 8 : "nothing");
  return 0;
}`;
    // Linked like Bun: RELRO would make two writable segments, and after what is only read there is room.
    const linked = [
      "-fuse-ld=lld",
      "-no-pie",
      "-fno-pie",
      "-Wl,-z,norelro,-z,separate-loadable-segments",
    ];
    const made = (path: string) => run(packAsBun(path, `${path}-made`, payload));

    it("are whole after an edit that fits, and one that does not is reported to break what they make", async () => {
      const path = compile(join(directory, "maker"), maker, ...linked);
      expect(made(path)).toBe(payload.trim());
      const fits = await edit(path, { interpreter: loaderOfLength(60) });
      expect(fits.reasons.join("\n")).not.toContain("bun");
      expect(run(path)).toBe("nothing");
      expect(made(path)).toBe(payload.trim());
      const { reasons } = await edit(path, { searchPath: { set: "/n".repeat(9000) } });
      expect(reasons.join("\n")).toMatch(/`bun build --compile` .*`fixelf run`/);
      expect(run(path)).toBe("nothing");
    });

    it("can have the programs they make edited", async () => {
      const path = packAsBun(
        compile(join(directory, "maker-of-one"), maker, ...linked),
        join(directory, "made"),
        payload,
      );
      await changeAndUndo(
        path,
        { interpreter: loaderOfLength(60), searchPath: { set: "/n".repeat(9000) } },
        payload.trim(),
      );
    });

    it("are whole if LIEF makes them, or are reported to break", async () => {
      const changed = async (name: string, ...options: string[]) => {
        const path = compile(
          join(directory, name),
          "char zeros[50000]; int main(void) {}",
          ...options,
        );
        const { reasons } = await edit(path, { searchPath: { set: "/n".repeat(2000) } });
        expect(run(path)).toBe("");
        return { path, reasons: reasons.join("\n") };
      };
      // LIEF's condition: room for twice the program headers between two segments without .bss.
      const hasRoom = (path: string) => {
        const bytes = readFileSync(path);
        const loads = loadsOf(bytes);
        return loads.some(({ offset, address, filed, end }, each) => {
          const room = (loads[each + 1]?.offset ?? 0) - offset - filed;
          return address + filed === end && room >= 2 * bytes.readUInt16LE(56) * 56;
        });
      };
      const made = await changed("for-lief", "-fuse-ld=lld", "-no-pie");
      expect(made.reasons).not.toMatch(/LIEF/);
      expect(hasRoom(made.path)).toBe(true);
      // Without notes there is nothing that could make the room.
      const none = ["-nostartfiles", "-Wl,--build-id=none,-e,main"];
      const bare = join(directory, "for-lief-bare");
      compile(
        bare,
        "char zeros[50000]; int main(void) { for (;;) {} }",
        "-fuse-ld=lld",
        "-no-pie",
        ...none,
      );
      const { reasons } = await edit(bare, { searchPath: { set: "/n".repeat(2000) } });
      expect(reasons.join("\n")).toMatch(/LIEF .* before the fix/);
      // There it shifts the file, or finds room for its headers between two segments.
      for (const options of [["-fuse-ld=lld", "-pie"], ["-no-pie"]]) {
        const { reasons } = await changed(`for-lief${options.join("")}`, ...options);
        expect(reasons).not.toMatch(/LIEF/);
      }
    });
  });

  describe("a self-extracting archive", needs("unzipsfx", "zip"), () => {
    it("still extracts itself after an edit", async () => {
      const home = join(directory, "sfx");
      mkdirSync(home);
      writeFileSync(join(home, "member"), payload);
      execFileSync("zip", ["-q", "archive.zip", "member"], { cwd: home });
      const path = join(home, "archive");
      copyFileSync(pathOf("unzipsfx") as string, path);
      appendFileSync(path, readFileSync(join(home, "archive.zip")));
      execFileSync("zip", ["-q", "-A", path]);
      chmodSync(path, 0o755);
      const extract = () => {
        rmSync(join(home, "member"));
        execFileSync(path, ["-o", "-q"], { cwd: home });
        expect(readFileSync(join(home, "member"), "utf8")).toBe(payload);
      };
      extract();
      const before = sha256(path);
      await edit(path, { interpreter: loaderOfLength(60) });
      extract();
      await undo([path]);
      expect(sha256(path)).toBe(before);
      const value = "/n".repeat(9000);
      expect(await refusal(path, { searchPath: { set: value } })).toMatch(/payload/);
      await patchelf(path, { setRpath: [value] });
      // It warns about the bytes before its archive, with exit code 1.
      rmSync(join(home, "member"));
      start([path, "-o", "-q"], { cwd: home });
      expect(readFileSync(join(home, "member"), "utf8")).toBe(payload);
    });
  });
});
