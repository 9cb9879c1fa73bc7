// The first inputs of each target, made by the compilers that are here: a library with versions, a program, one without
// PIE and a static one for each machine, and the files that go with them.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const compilers = [
  ["gcc", "-Wl,-z,noseparate-code"],
  ["gcc"],
  ["clang"],
  ["clang", "-fuse-ld=lld", "-Wl,--pack-dyn-relocs=relr"],
  ["clang", "-fuse-ld=mold"],
  ["aarch64-linux-gnu-gcc"],
  ["arm-linux-gnueabihf-gcc"],
  ["i686-linux-gnu-gcc"],
  ["mips-linux-gnu-gcc"],
  ["mips64el-linux-gnuabi64-gcc"],
  ["mipsel-linux-gnu-gcc"],
  ["powerpc64-linux-gnu-gcc"],
  ["powerpc64le-linux-gnu-gcc"],
  ["riscv64-linux-gnu-gcc"],
  ["s390x-linux-gnu-gcc"],
];

const librarySource = `
int variable = 1;
int function(void) { return variable; }
int other(void) { return 2; }
`;
const versions = "V1 { global: function; variable; local: *; };\nV2 { global: other; } V1;\n";
const programSource = `
int function(void);
int other(void);
extern int variable;
int _start(void) { return function() + other() + variable; }
int __start(void) { return _start(); }
`;
const staticSource = "int _start(void) { return 0; }\nint __start(void) { return 0; }\n";

const common = [
  "-nostdlib",
  "-fno-asynchronous-unwind-tables",
  "-Wl,-z,max-page-size=4096",
  "-Wl,--build-id",
  "-Wl,--no-as-needed",
];

/** What each compiler makes of the sources; small files. */
function* compiled(directory) {
  const source = (name, text) => {
    writeFileSync(join(directory, name), text);
    return name;
  };
  const library = source("a.c", librarySource);
  const script = source("a.map", versions);
  const program = source("p.c", programSource);
  const alone = source("s.c", staticSource);
  const hashes = "-Wl,--hash-style=both";
  for (const [compiler, ...options] of compilers) {
    const make = (output, ...others) => {
      try {
        execFileSync(compiler, [...common, ...options, ...others, "-o", output], {
          cwd: directory,
          stdio: "ignore",
        });
      } catch {
        return []; // no such compiler here, or it cannot do this
      }
      return [readFileSync(join(directory, output))];
    };
    yield* make("liba.so", "-shared", "-fPIC", library, `-Wl,--version-script,${script}`,
      "-Wl,-soname,liba.so", "-Wl,-z,now"); // biome-ignore format: one line a kind
    if (!existsSync(join(directory, "liba.so"))) continue;
    yield* make("pie", "-fPIE", "-pie", program, "liba.so", hashes, "-s",
      "-Wl,--enable-new-dtags,-rpath,$ORIGIN:/lib"); // biome-ignore format: one line a kind
    yield* make("plain", "-fPIE", "-pie", program, "liba.so", "-s");
    yield* make("exec", "-no-pie", program, "liba.so", "-Wl,--disable-new-dtags,-rpath,/lib");
    yield* make("static", "-static", "-no-pie", alone, "-s");
    yield* make("object", "-c", library);
    rmSync(join(directory, "liba.so"));
  }
}

function parts(...given) {
  const chunks = [Buffer.from("PART")];
  for (const [role, bytes] of given) {
    const head = Buffer.alloc(5);
    head[0] = role;
    head.writeUInt32LE(bytes.length, 1);
    chunks.push(head, Buffer.from(bytes));
  }
  return Buffer.concat(chunks);
}

// For test/fuzz/edits.cpp: a kind, then names by their number there.
const edits = [
  [0, 8], [0, 6, 2, 9], [2, 23], [2, 0], [3, 11], [4, 2], [5, 1], [6, 1, 2], [7, 2, 7, 3], [8, 9],
  [10, 9], [11, 1], [12, 18], [13, 18, 20], [14, 9], [15, 131, 2, 24], [0, 24, 2, 24, 4, 24],
]; // biome-ignore format: a table

/** In ld.so.cache's format since glibc 2.2, for x86-64; the names descend, as ldconfig sorts them. */
function cache() {
  const head = 48;
  const entrySize = 24;
  const names = ["libb.so.1", "/bin/libb.so.1", "liba.so", "/lib64/liba.so"];
  const strings = Buffer.from(`${names.join("\0")}\0`);
  const count = names.length / 2;
  const bytes = Buffer.alloc(head + count * entrySize);
  bytes.write("glibc-ld.so.cache1.1");
  bytes.writeUInt32LE(count, 20);
  bytes.writeUInt32LE(strings.length, 24);
  bytes[28] = 2; // little-endian
  let at = bytes.length;
  names.forEach((name, index) => {
    const entry = head + (index >> 1) * entrySize;
    bytes.writeUInt32LE(0x0303, entry);
    bytes.writeUInt32LE(at, entry + (index % 2 === 0 ? 4 : 8));
    at += name.length + 1;
  });
  return Buffer.concat([bytes, strings]);
}

const store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-glibc-2.40-66/lib";
const texts = [
  `${store}/libc.so.6\0${store}/ld-linux-x86-64.so.2\0libm.so.6\0`,
  store.replaceAll("/", "\\/"),
  encodeURIComponent(store),
  Buffer.from(store, "utf16le"),
  "0123456789abcdfg\nhijklmnpqrsvwxyz",
  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00",
  "\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46",
  "\x28\xb5\x2f\xfd\x04\x58\x09\x00\x00a\x0a",
  "BZh91AY&SY",
  "PK\x03\x04\x14\x00\x00\x00\x00\x00",
  "hsqs\x01\x00\x00\x00",
].map((text) => (typeof text === "string" ? Buffer.from(text, "latin1") : text));

/** As nix-index writes them (src/frcode.rs): of all files, and of programs only. */
const contents = [
  '1r\0\0/lib/liba.so.1\n23s\0\x0bb.so\nd\0\xfe.so.d/x\n4x\0\xf7/bin/a\np\0\0{"name":"a-1"}\n' +
    '5r\0\0/share/a\n6r\0\x06b\np\0\xfa{"name":"b-1"}\n',
  '1x\0\0/bin/a\n2x\0\x05b\n3x\0\0c\np\0\xfb{"name":"a"}\n'.repeat(40),
  `1r\0\0/lib/lib${"a".repeat(300)}.so\n2r\0\x80\x01\x2fb.so\np\0\x80\xfe\xd1{}\n`,
].map((text) => Buffer.from(text, "latin1"));

/** Databases of these, as zstd compresses them where it is here: blocks of each kind, with and without checksums. */
function* databases() {
  const header = Buffer.from("NIXI\x01\0\0\0\0\0\0\0", "latin1");
  const long = Buffer.concat([...contents, Buffer.alloc(70_000, contents[1])]);
  for (const options of [["-1"], ["-19"], ["--ultra", "-22", "--no-check"], ["--fast=9"]]) {
    for (const input of [...contents, long]) {
      // Where the size is not known beforehand, a window of megabytes is made for each.
      const sized = ["-q", "-c", `--stream-size=${input.length}`, ...options];
      const { stdout, status } = spawnSync("zstd", sized, { input });
      if (status === 0) yield Buffer.concat([header, stdout]);
    }
  }
}

/** Fills `directory/TARGET` for each target. */
export function makeSeeds(directory) {
  const work = join(directory, "work");
  mkdirSync(work, { recursive: true });
  const files = [...compiled(work)];
  rmSync(work, { recursive: true });
  const small = files.filter((file) => file.length < 24_000);
  const write = (target, inputs) => {
    mkdirSync(join(directory, target), { recursive: true });
    inputs.forEach((input, index) => {
      writeFileSync(join(directory, target, `${index}`), input);
    });
  };
  const library = small[0] ?? Buffer.from("\x7fELF", "latin1");
  write("facts", small);
  write("patch", [
    ...small.flatMap((file, at) =>
      edits.filter((_, edit) => (edit + at) % 3 === 0).map((edit) => parts([0, file], [1, edit])),
    ),
    ...small.map((file) =>
      parts([0, Buffer.concat([file, Buffer.from("carried along")])], [1, [15, 4, 2, 24]]),
    ),
    parts([0, Buffer.from("#!/bin/sh -e\nexit\n")], [1, [6]]),
  ]);
  write("resolve", [
    ...small.map((file) => parts([0, file], [3, library], [1, library], [5, library])),
    ...small
      .slice(0, 8)
      .map((file) =>
        parts(
          [0, file],
          [3, library],
          [10, cache()],
          [11, Buffer.from("liba.so /lib/libb.so.1 # none\n")],
          [12, Buffer.from("/lib:/lib64\n")],
          [0x44, [1]],
          [0x80, [6, 10, 1]],
        ),
      ),
    // With musl's loader, or glibc's cache, and libraries that only these find.
    ...small.slice(0, 8).flatMap((file) =>
      [
        [9, 7],
        [12, 2],
      ].map((options) =>
        parts(
          [0, file],
          [1, library],
          [2, library],
          [7, library],
          [8, library],
          [10, cache()],
          [12, Buffer.from("/lib64:/lib\n/bin")],
          [0x80, options],
        ),
      ),
    ),
  ]);
  write("nix_index", [...databases(), ...contents.map((content) => parts([1, content]))]);
  write("search", [...texts, ...small.slice(0, 6)]);
  write("undo", [
    ...small.flatMap((file, at) =>
      [0, 1, 9, 17, 16, 24, 25, 3].map((flags) =>
        parts([0, file], [1, edits[at % edits.length]], [2, [flags, 1, 9, 40, 1, 70, 3]]),
      ),
    ),
  ]);
  write("shim", [
    ...small
      .slice(0, 12)
      .map((file) =>
        parts(
          [0, file],
          [
            1,
            Buffer.from("NIX_LD=/loader\0LD_LIBRARY_PATH=/lib;/x\0NIX_LD_LIBRARY_PATH=/lib:/y\0"),
          ],
          [2, [6, 2, 1, 2, 2, 0, 10]],
          [3, library],
        ),
      ),
    parts(
      [0, library],
      [
        1,
        Buffer.from("NIX_LD_LOG=debug\0NIX_LD_LIBRARY_PATH_x86_64_linux=$ORIGIN:\0LD_PRELOAD=a\0"),
      ],
      [2, [7, 2, 4]],
    ),
  ]);
}
