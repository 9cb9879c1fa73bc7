import type { Case } from "../../case.js";
import { defineRule, library, program } from "../../define.js";

// Symbol versions that are needed and defined.
const uses = (versions: string[], weak = false) =>
  program({ versions: { "libv.so": versions }, rpath: "@/lib1", weak });

// musl is libc.so.6 itself.
const glibc: Case["machines"] = ["x86-64", "i386", "aarch64", "s390x"];
const ofLibc = (versions: string[], isProgram = true) => ({
  program: isProgram,
  versions: { "libc.so.6": versions },
  rpath: "@/lib1",
  packedRelocations: true,
});

export default defineRule("versions", {
  "all defined": {
    "/bin/program": uses(["V1", "V2"]),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1", "V2"] }),
  },
  "one not defined": {
    "/bin/program": uses(["V1", "V2"]),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
  },
  "several not defined": {
    "/bin/program": uses(["V1", "V2", "V3"]),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V2"] }),
  },
  "none defined at all": {
    "/bin/program": uses(["V1"]),
    "/lib1/libv.so": library({ soname: "libv.so" }),
  },
  "a weak one": {
    "/bin/program": uses(["V1", "V2"], true),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
  },
  "weak ones of a library without versions": {
    "/bin/program": uses(["V1"], true),
    "/lib1/libv.so": library({ soname: "libv.so" }),
  },
  "the library is not there": { "/bin/program": uses(["V1"]) },
  "needed by a library": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ versions: { "libv.so": ["V9"] } }),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
  },
  "of two libraries": {
    "/bin/program": program({
      versions: { "libv.so": ["V1"], "libw.so": ["W1"] },
      rpath: "@/lib1",
    }),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V2"] }),
    "/lib1/libw.so": library({ soname: "libw.so", defines: ["W2"] }),
  },
  "the provider has another soname": {
    "/bin/program": uses(["V1", "V2"]),
    "/lib1/libv.so": library({ soname: "libother.so", defines: ["V1"] }),
  },
  "the provider was loaded through a link": {
    "/bin/program": program({
      needed: ["libx.so"],
      versions: { "libv.so": ["V2"] },
      rpath: "@/lib1",
    }),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
    "/lib1/libx.so": { link: "libv.so" },
  },
  "packed relocations that libc is not asked about": {
    "/bin/program": ofLibc(["V1"]),
    "/lib1/libc.so.6": library({ soname: "libc.so.6", defines: ["V1"] }),
    machines: glibc,
  },
  "packed relocations of a library": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": ofLibc(["V1"], false),
    "/lib1/libc.so.6": library({ soname: "libc.so.6", defines: ["V1"] }),
    machines: glibc,
  },
  "packed relocations that libc knows": {
    "/bin/program": ofLibc(["V1", "GLIBC_ABI_DT_RELR"]),
    "/lib1/libc.so.6": library({ soname: "libc.so.6", defines: ["V1", "GLIBC_ABI_DT_RELR"] }),
    machines: glibc,
  },
  "packed relocations that libc does not know": {
    "/bin/program": ofLibc(["V1", "GLIBC_ABI_DT_RELR"]),
    "/lib1/libc.so.6": library({ soname: "libc.so.6", defines: ["V1"] }),
    machines: glibc,
  },
  "packed relocations and versions of another library": {
    "/bin/program": program({
      versions: { "libv.so": ["V1"] },
      rpath: "@/lib1",
      packedRelocations: true,
    }),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
  },
  "packed relocations, and libc without a version": {
    "/bin/program": program({ needed: ["libc.so.6"], rpath: "@/lib1", packedRelocations: true }),
    "/lib1/libc.so.6": library({ soname: "libc.so.6" }),
    machines: glibc,
  },
  "packed relocations, libc without a version and another library with one": {
    "/bin/program": program({
      needed: ["libc.so.6"],
      versions: { "libv.so": ["V1"] },
      rpath: "@/lib1",
      packedRelocations: true,
    }),
    "/lib1/libc.so.6": library({ soname: "libc.so.6" }),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
    machines: glibc,
  },
  "the provider was preloaded": {
    "/bin/program": uses(["V2"]),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V2"] }),
    "/lib2/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
    preload: "@/lib2/libv.so",
  },
});
