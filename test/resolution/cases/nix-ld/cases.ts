import type { Case } from "../../case.js";
import { defineRule, library, program } from "../../define.js";

// A stand-in in the loader's place, which passes NIX_LD_LIBRARY_PATH to the real one.
const needsA = program({ needed: ["liba.so"] });
const twice = { "/lib1/liba.so": library(), "/lib2/liba.so": library() };
const machines: Case["machines"] = ["x86-64"];

export default defineRule("nix-ld", {
  "finds what nothing else names": { "/bin/program": needsA, ...twice, nixLd: "/lib1", machines },
  "finds nothing": { "/bin/program": needsA, ...twice, nixLd: "/none", machines },
  "in the order of its directories": {
    "/bin/program": needsA,
    ...twice,
    nixLd: "/none:/lib2:/lib1",
    machines,
  },
  "after LD_LIBRARY_PATH": {
    "/bin/program": needsA,
    ...twice,
    libraryPath: "/lib1",
    nixLd: "/lib2",
    machines,
  },
  "where LD_LIBRARY_PATH has nothing": {
    "/bin/program": needsA,
    ...twice,
    libraryPath: "/none",
    nixLd: "/lib2",
    machines,
  },
  "after LD_LIBRARY_PATH that ends with a colon": {
    "/bin/program": needsA,
    "/liba.so": library(),
    ...twice,
    libraryPath: "/none:",
    nixLd: "/lib2",
    machines,
  },
  "after LD_LIBRARY_PATH that ends with a semicolon": {
    "/bin/program": needsA,
    "/liba.so": library(),
    ...twice,
    libraryPath: "/none;",
    nixLd: "/lib2",
    machines,
  },
  "after an empty LD_LIBRARY_PATH": {
    "/bin/program": needsA,
    "/liba.so": library(),
    ...twice,
    libraryPath: "",
    nixLd: "/lib2",
    machines,
  },
  "after RPATH": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "/lib1" }),
    ...twice,
    nixLd: "/lib2",
    machines,
  },
  "before RUNPATH": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "/lib1" }),
    ...twice,
    nixLd: "/lib2",
    machines,
  },
  "before a default directory": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    ...twice,
    nixLd: "/lib2",
    machines,
  },
  "before the cache": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"] }),
    "/opt/one/liba.so": library({ soname: "liba.so" }),
    "/opt/one/libb.so": library({ soname: "libb.so" }),
    ...twice,
    ldconfig: ["/opt/one"],
    nixLd: "/lib2",
    machines,
  },
  "for the needs of libraries too": {
    "/bin/program": needsA,
    "/lib1/liba.so": library({ needed: ["libb.so"], runpath: "/lib2" }),
    "/lib1/libb.so": library(),
    "/lib2/libb.so": library(),
    nixLd: "/lib1",
    machines,
  },
  "for a preloaded name": {
    "/bin/program": needsA,
    ...twice,
    "/lib1/libp.so": library(),
    preload: "libp.so",
    nixLd: "/lib1",
    machines,
  },
  "an empty element is the current directory": {
    "/bin/program": needsA,
    "/liba.so": library(),
    ...twice,
    nixLd: "/none::/lib2",
    machines,
  },
  "$ORIGIN in it is the program's": {
    "/opt/app/program": program({ needed: ["liba.so"] }),
    "/opt/app/lib/liba.so": library(),
    ...twice,
    program: "/opt/app/program",
    nixLd: "$ORIGIN/lib:/lib2",
    machines,
  },
  "glibc-hwcaps below it": {
    "/bin/program": needsA,
    "/lib1/glibc-hwcaps/x86-64-v2/liba.so": library(),
    ...twice,
    nixLd: "/lib1",
    machines,
  },
  "the loader by its soname": {
    "/bin/program": program({ needed: ["ld-linux-x86-64.so.2", "liba.so"] }),
    "/lib1/ld-linux-x86-64.so.2": library(),
    ...twice,
    nixLd: "/lib1",
    machines,
  },
  "the loader by the place of the stand-in": {
    "/bin/program": program({ needed: ["/lib64/ld-linux-x86-64.so.2", "liba.so"] }),
    ...twice,
    nixLd: "/lib1",
    machines,
  },
  "the loader by its own place": {
    "/bin/program": program({ needed: ["/opt/real/ld-linux-x86-64.so.2", "liba.so"] }),
    ...twice,
    nixLd: "/lib1",
    machines,
  },
  "what LD_LIBRARY_PATH holds as well": {
    "/bin/program": needsA,
    ...twice,
    libraryPath: "/lib2",
    nixLd: "/lib1:/lib2",
    machines,
  },
});
