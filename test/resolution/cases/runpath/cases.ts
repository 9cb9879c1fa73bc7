import { defineRule, library, program } from "../../define.js";

// DT_RUNPATH: only for the object's own needs, and it overrides DT_RPATH.
export default defineRule("runpath", {
  "finds what the program needs": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "is not inherited": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/lib1/libb.so": library(),
  },
  "of the object cancels its own RPATH": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1", runpath: "@/lib2" }),
    "/lib1/liba.so": library(),
  },
  "of the object cancels inherited RPATHs": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], runpath: "@/none" }),
    "/lib1/libb.so": library(),
  },
  "of the program does not cancel RPATHs of libraries": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], rpath: "@/lib2" }),
    "/lib2/libb.so": library({ needed: ["libc1.so"] }),
    "/lib2/libc1.so": library(),
  },
  "in between does not stop inheritance from above": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], runpath: "@/lib2" }),
    "/lib2/libb.so": library({ needed: ["libc1.so"] }),
    "/lib1/libc1.so": library(),
  },
  "an empty one cancels RPATH as well": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1", runpath: "" }),
    "/lib1/liba.so": library(),
  },
  "what one object cannot find, another may": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libx.so"] }),
    "/lib1/libb.so": library({ needed: ["libx.so"], runpath: "@/lib2" }),
    "/lib2/libx.so": library({ needed: ["liby.so"], runpath: "@/lib2" }),
    "/lib2/liby.so": library(),
  },
  "what no object can find is reported once": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libx.so"] }),
    "/lib1/libb.so": library({ needed: ["libx.so"] }),
  },
});
