import { defineRule, library, program } from "../../define.js";

// DT_RPATH: that of the object that needs the library, of each object that needed that one, and of
// the program.
export default defineRule("rpath", {
  "finds what the program needs": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "is inherited by the needs of what it has found": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/lib1/libb.so": library(),
  },
  "of a library in between is inherited too": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], rpath: "@/lib2" }),
    "/lib2/libb.so": library({ needed: ["libc1.so"] }),
    "/lib2/libc1.so": library(),
  },
  "nearest first": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], rpath: "@/lib2" }),
    "/lib1/libb.so": library(),
    "/lib2/libb.so": library(),
  },
  "the program's counts even for what was not needed through it": {
    "/bin/program": program({ needed: ["liba.so", "libz1.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/lib1/libb.so": library({ needed: ["libz1.so"] }),
    "/lib1/libz1.so": library(),
  },
  "an empty one counts as absent": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "" }),
    "/lib1/liba.so": library(),
  },
  "in the order of its directories": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib2:@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib2/liba.so": library(),
  },
  "a directory that is not there": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/none:@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "a file in place of a directory": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1/liba.so:@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "slashes at the end, and twice": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1///:@/lib1" }),
    "/lib1/liba.so": library(),
  },
});
