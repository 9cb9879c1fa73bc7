import { defineRule, library, program } from "../../define.js";

// Symbol versions that are needed and defined.
const uses = (versions: string[], weak = false) =>
  program({ versions: { "libv.so": versions }, rpath: "@/lib1", weak });

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
  "the provider was loaded by a link": {
    "/bin/program": program({
      needed: ["libx.so"],
      versions: { "libv.so": ["V2"] },
      rpath: "@/lib1",
    }),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
    "/lib1/libx.so": { link: "libv.so" },
  },
  "the provider was preloaded": {
    "/bin/program": uses(["V2"]),
    "/lib1/libv.so": library({ soname: "libv.so", defines: ["V2"] }),
    "/lib2/libv.so": library({ soname: "libv.so", defines: ["V1"] }),
    preload: "@/lib2/libv.so",
  },
});
