import { defineRule, library, program } from "../../define.js";

// Needed names with a slash, and names of what is loaded already.
export default defineRule("names", {
  "the library that the kernel maps": {
    "/bin/program": program({ needed: ["linux-vdso.so.1", "liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["linux-gate.so.1"] }),
    // qemu-user has none.
    machines: ["x86-64", "musl"],
  },
  "an absolute path": {
    "/bin/program": program({ needed: ["@/lib1/liba.so"] }),
    "/lib1/liba.so": library(),
  },
  "an absolute path that is not there": {
    "/bin/program": program({ needed: ["@/lib1/liba.so"] }),
    "/lib1/libb.so": library(),
  },
  "a path is not searched for": {
    "/bin/program": program({ needed: ["@/none/liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "a relative path": {
    "/bin/program": program({ needed: ["lib1/liba.so"] }),
    "/lib1/liba.so": library(),
    fixed: true,
  },
  "a soname that is loaded already is not searched for": {
    "/bin/program": program({ needed: ["@/lib1/libother.so", "liba.so"] }),
    "/lib1/libother.so": library({ soname: "liba.so" }),
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "a soname that is loaded later": {
    "/bin/program": program({ needed: ["liba.so", "@/lib1/libother.so"], rpath: "@/lib2" }),
    "/lib1/libother.so": library({ soname: "liba.so" }),
    "/lib2/liba.so": library(),
  },
  "a soname other than the file's name": {
    "/bin/program": program({ needed: ["liba.so", "liba.so.1"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ soname: "liba.so.1" }),
    "/lib1/liba.so.1": library(),
  },
  "the program's own soname": {
    "/bin/program": program({ soname: "libself.so", needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libself.so"] }),
    "/lib1/libself.so": library(),
  },
  "the same file by a link": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib1/libb.so": { link: "liba.so" },
  },
  "the same file by a path, then by its name": {
    "/bin/program": program({ needed: ["@/lib1/liba.so", "liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "by its path twice": {
    "/bin/program": program({ needed: ["@/lib1/liba.so", "libb.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib1/libb.so": library({ needed: ["@/lib1/liba.so"] }),
  },
  "an empty name": {
    "/bin/program": program({ needed: ["", "liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "the same name twice": {
    "/bin/program": program({ needed: ["liba.so", "liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "a circle": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/lib1/libb.so": library({ needed: ["liba.so", "libb.so"] }),
  },
  "breadth first": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libc1.so"] }),
    "/lib1/libb.so": library({ needed: ["libd.so"] }),
    "/lib1/libc1.so": library({ needed: ["libd.so", "libe.so"] }),
    "/lib1/libd.so": library(),
    "/lib1/libe.so": library(),
  },
  "the program by its path": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/lib1/libb.so": { link: "../bin/elsewhere" },
    "/bin/elsewhere": library(),
  },
});
