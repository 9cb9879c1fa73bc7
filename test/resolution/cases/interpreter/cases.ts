import { defineRule, library, program } from "../../define.js";

// The interpreter is loaded before anything is searched.
export default defineRule("interpreter", {
  "by its soname": {
    "/bin/program": program({ needed: ["ld-linux-x86-64.so.2", "liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib1/ld-linux-x86-64.so.2": library(),
    machines: ["x86-64"],
  },
  "by its path": {
    "/bin/program": program({
      needed: ["/lib64/ld-linux-x86-64.so.2", "liba.so"],
      rpath: "@/lib1",
    }),
    "/lib1/liba.so": library(),
    machines: ["x86-64"],
  },
  "by its soname, needed by a library": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["ld-linux-x86-64.so.2", "libb.so"] }),
    "/lib1/libb.so": library(),
    machines: ["x86-64"],
  },
  "of musl by the names of its parts": {
    "/bin/program": program({
      needed: ["libc.so", "libm.so.6", "libpthread.so.0"],
      rpath: "@/lib1",
    }),
    "/lib1/libm.so.6": library(),
    machines: ["musl"],
  },
  "of musl by libc.musl": {
    "/bin/program": program({ needed: ["libc.musl-x86_64.so.1", "libdl.so.2"] }),
    machines: ["musl"],
  },
  "of musl by its path": {
    "/bin/program": program({ needed: ["/lib/ld-musl-x86_64.so.1"] }),
    machines: ["musl"],
  },
  "of musl not by a name that only starts alike": {
    "/bin/program": program({ needed: ["libcx.so", "librtx.so", "libm2.so"], rpath: "@/lib1" }),
    "/lib1/libcx.so": library(),
    "/lib1/librtx.so": library(),
  },
});
