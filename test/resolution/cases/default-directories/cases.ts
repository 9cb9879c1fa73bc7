import { defineRule, library, program } from "../../define.js";

// The directories that are compiled into the loader, and DF_1_NODEFLIB.
const needsA = program({ needed: ["liba.so"] });
const nodeflib = 0x800;

export default defineRule("default-directories", {
  "/lib": { "/bin/program": needsA, "/lib/liba.so": library(), fixed: true },
  "/usr/lib": { "/bin/program": needsA, "/usr/lib/liba.so": library(), fixed: true },
  "/usr/local/lib": { "/bin/program": needsA, "/usr/local/lib/liba.so": library(), fixed: true },
  "/lib64": { "/bin/program": needsA, "/lib64/liba.so": library(), fixed: true },
  "in order": {
    "/bin/program": needsA,
    "/usr/local/lib/liba.so": library(),
    "/usr/lib/liba.so": library(),
    "/lib/liba.so": library(),
    "/lib/x86_64-linux-gnu/liba.so": library(),
    fixed: true,
  },
  "after everything else": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib/liba.so": library(),
    fixed: true,
  },
  "not with DF_1_NODEFLIB": {
    "/bin/program": program({ needed: ["liba.so"], flags1: nodeflib }),
    "/lib/liba.so": library(),
    fixed: true,
  },
  "DF_1_NODEFLIB of a library": {
    "/bin/program": needsA,
    "/lib/liba.so": library({ needed: ["libb.so"], flags1: nodeflib }),
    "/lib/libb.so": library(),
    fixed: true,
  },
  "DF_1_NODEFLIB of the program is not the library's": {
    "/bin/program": program({ needed: ["liba.so"], flags1: nodeflib, runpath: "/lib" }),
    "/lib/liba.so": library({ needed: ["libb.so"] }),
    "/usr/lib/libb.so": library(),
    fixed: true,
  },
  "DF_1_NODEFLIB and the cache of a default directory": {
    "/bin/program": program({ needed: ["liba.so"], flags1: nodeflib }),
    "/lib/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one"],
  },
  "DF_1_NODEFLIB and the cache of another directory": {
    "/bin/program": program({ needed: ["liba.so"], flags1: nodeflib }),
    "/opt/one/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one"],
  },
  "DF_1_NODEFLIB and RUNPATH": {
    "/bin/program": program({ needed: ["liba.so"], flags1: nodeflib, runpath: "@/lib1" }),
    "/lib1/liba.so": library(),
  },
  "a link to another directory": {
    "/bin/program": needsA,
    "/usr/lib": { link: "/opt/one" },
    "/opt/one/liba.so": library({ needed: ["libb.so"], runpath: "$ORIGIN/../x" }),
    "/usr/x/libb.so": library(),
    "/opt/x/libb.so": library(),
    fixed: true,
  },
});
