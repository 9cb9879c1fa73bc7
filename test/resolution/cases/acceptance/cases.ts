import { defineRule, library, program } from "../../define.js";

// What the loader finds in a library's place: what it skips, and what stops it.
const search = program({ needed: ["liba.so"], runpath: "@/lib1:@/lib2" });
const good = { "/lib2/liba.so": library() };
const text =
  "INPUT(liba.so.1) and more than the sixty-four bytes of an ELF file's header, to be sure";

export default defineRule("acceptance", {
  "another machine's of the same class": {
    "/bin/program": search,
    "/lib1/liba.so": library({ machine: "aarch64" }),
    ...good,
    machines: ["x86-64"],
  },
  "another class": {
    "/bin/program": search,
    "/lib1/liba.so": library({ machine: "i386" }),
    ...good,
    machines: ["x86-64", "aarch64"],
  },
  "a wider class": {
    "/bin/program": search,
    "/lib1/liba.so": library({ machine: "x86-64" }),
    ...good,
    machines: ["i386"],
  },
  "another byte order of the same class": {
    "/bin/program": search,
    "/lib1/liba.so": library({ machine: "s390x" }),
    ...good,
    // musl reports "Exec format error", and searches no further.
    machines: ["x86-64", "aarch64", "musl"],
  },
  "another byte order by its path": {
    "/bin/program": program({ needed: ["@/lib1/liba.so", "libb.so"], runpath: "@/lib2" }),
    "/lib1/liba.so": library({ machine: "s390x" }),
    "/lib2/libb.so": library(),
    machines: ["x86-64", "aarch64", "musl"],
  },
  "another byte order needed by a library": {
    "/bin/program": program({ needed: ["libb.so"], rpath: "@/lib2:@/lib1" }),
    "/lib2/libb.so": library({ needed: ["liba.so", "libc1.so"] }),
    "/lib2/liba.so": library({ machine: "s390x" }),
    "/lib1/liba.so": library(),
    "/lib2/libc1.so": library(),
    machines: ["x86-64", "aarch64", "musl"],
  },
  "another byte order in the cache": {
    "/bin/program": program({ needed: ["liba.so"] }),
    "/opt/one/liba.so": library({ machine: "s390x" }),
    "/lib/liba.so": library(),
    cache: { entries: [{ name: "liba.so", path: "/opt/one/liba.so" }] },
    machines: ["x86-64"],
  },
  "another byte order and class": {
    "/bin/program": search,
    "/lib1/liba.so": library({ machine: "s390x" }),
    ...good,
    machines: ["i386"],
  },
  "another machine's by its path": {
    "/bin/program": program({ needed: ["@/lib1/liba.so"] }),
    "/lib1/liba.so": library({ machine: "aarch64" }),
    machines: ["x86-64", "i386"],
  },
  "OS ABI of GNU": {
    "/bin/program": search,
    "/lib1/liba.so": library({ patch: { 7: 3 } }),
    ...good,
  },
  "OS ABI of another system": {
    "/bin/program": search,
    "/lib1/liba.so": library({ patch: { 7: 9 } }),
    ...good,
  },
  "ABI version without an OS ABI": {
    "/bin/program": search,
    "/lib1/liba.so": library({ patch: { 8: 1 } }),
    ...good,
  },
  ...Object.fromEntries(
    [1, 2, 3, 4, 5].map((version) => [
      `ABI version ${version} of GNU`,
      {
        "/bin/program": search,
        "/lib1/liba.so": library({ patch: { 7: 3, 8: version } }),
        ...good,
      },
    ]),
  ),
  "bytes after the ABI version": {
    "/bin/program": search,
    "/lib1/liba.so": library({ patch: { 12: 1 } }),
    ...good,
  },
  "a program": {
    "/bin/program": search,
    "/lib1/liba.so": program({ flags1: 0x08000000 }),
    ...good,
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "a program at fixed addresses": {
    "/bin/program": search,
    "/lib1/liba.so": program({ patch: { 16: 2, 17: 0 } }),
    ...good,
    machines: ["x86-64"],
  },
  "an object file": {
    "/bin/program": search,
    "/lib1/liba.so": library({ patch: { 16: 1 } }),
    ...good,
    machines: ["x86-64", "i386", "aarch64"],
  },
  "a linker script": { "/bin/program": search, "/lib1/liba.so": text, ...good },
  "a short text": { "/bin/program": search, "/lib1/liba.so": "short", ...good },
  "an empty file": { "/bin/program": search, "/lib1/liba.so": "", ...good },
  "a directory": { "/bin/program": search, "/lib1/liba.so": { directory: true }, ...good },
  "a link that leads nowhere": {
    "/bin/program": search,
    "/lib1/liba.so": { link: "none.so" },
    ...good,
  },
  "a link in a circle": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1:@/lib2", rpath: "" }),
    "/lib1/liba.so": { link: "liba.so" },
    ...good,
  },
  "a link in a circle ends one list, not the search": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": { link: "liba.so" },
    ...good,
    "/lib/liba.so": library(),
    fixed: true,
  },
  "a link in a circle in LD_LIBRARY_PATH": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib2" }),
    "/lib1/liba.so": { link: "liba.so" },
    ...good,
    libraryPath: "@/lib1:@/lib2",
  },
  "a link in a circle in a directory's place": {
    "/bin/program": search,
    "/lib1": { link: "lib1" },
    ...good,
  },
  "a directory whose name is too long": {
    "/bin/program": program({ needed: ["liba.so"], runpath: `@/${"l".repeat(256)}:@/lib2` }),
    ...good,
  },
  "a link in a circle below glibc-hwcaps": {
    "/bin/program": search,
    "/lib1/glibc-hwcaps/x86-64-v2/liba.so": { link: "liba.so" },
    ...good,
  },
  "a link through a directory": {
    "/bin/program": search,
    "/lib1": { link: "real" },
    "/real/liba.so": library({ needed: ["libb.so"], runpath: "$ORIGIN" }),
    "/real/libb.so": library(),
  },
  "a name that is too long": {
    "/bin/program": program({ needed: [`${"l".repeat(300)}.so`, "liba.so"], runpath: "@/lib2" }),
    ...good,
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "more processor features than there are": {
    "/bin/program": search,
    "/lib1/liba.so": library({ link: ["-z", "x86-64-v4"] }),
    machines: ["x86-64"],
  },
});
