import { defineRule, library, program } from "../../define.js";

// /etc/ld-musl-ARCH.path replaces musl's default directories.
const needsA = program({ needed: ["liba.so"] });
const path = "/etc/ld-musl-x86_64.path" as const;

export default defineRule("musl-path", {
  "names other directories": {
    "/bin/program": needsA,
    "/opt/one/liba.so": library(),
    [path]: "/opt/none:/opt/one\n",
    machines: ["musl"],
  },
  "on lines": {
    "/bin/program": needsA,
    "/opt/one/liba.so": library(),
    [path]: "/opt/none\n/opt/one",
    machines: ["musl"],
  },
  "instead of the default ones": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    [path]: "/opt/one",
    machines: ["musl"],
  },
  "that is empty": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    [path]: "",
    machines: ["musl"],
  },
  "that is a directory": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    [path]: { directory: true },
    machines: ["musl"],
  },
  "an RPATH with an unknown token is ignored": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1:$LIB" }),
    "/lib1/liba.so": library(),
    machines: ["musl"],
  },
  "a RUNPATH is inherited": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], runpath: "@/lib2" }),
    "/lib2/libb.so": library({ needed: ["libc1.so", "libd.so"] }),
    "/lib1/libc1.so": library(),
    "/lib2/libd.so": library(),
    machines: ["musl"],
  },
  "LD_LIBRARY_PATH before RPATH": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib2/liba.so": library(),
    libraryPath: "@/lib2",
    machines: ["musl"],
  },
  "no $ORIGIN in LD_LIBRARY_PATH": {
    "/bin/program": needsA,
    "/bin/liba.so": library(),
    libraryPath: "$ORIGIN",
    machines: ["musl"],
  },
  "a path that is too long for it": {
    "/bin/program": program({ needed: ["liba.so"], rpath: `@/${"./".repeat(250)}lib1` }),
    "/lib1/liba.so": library(),
    machines: ["musl"],
  },
  "a path that is just short enough": {
    "/bin/program": program({ needed: ["liba.so"], rpath: `@/${"./".repeat(248)}lib1` }),
    "/lib1/liba.so": library(),
    machines: ["musl"],
  },
});
