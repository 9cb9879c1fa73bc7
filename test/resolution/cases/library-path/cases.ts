import { defineRule, library, program } from "../../define.js";

// LD_LIBRARY_PATH.
const needsA = program({ needed: ["liba.so"] });
const twice = { "/lib1/liba.so": library(), "/lib2/liba.so": library() };

export default defineRule("library-path", {
  "after RPATH": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    ...twice,
    libraryPath: "@/lib2",
  },
  "before RUNPATH": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/lib1" }),
    ...twice,
    libraryPath: "@/lib2",
  },
  "for the needs of libraries too": {
    "/bin/program": needsA,
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/lib1/libb.so": library(),
    libraryPath: "@/lib1",
  },
  "with semicolons": { "/bin/program": needsA, ...twice, libraryPath: "@/none;@/lib2" },
  "with $ORIGIN": { "/bin/program": needsA, ...twice, libraryPath: "$ORIGIN/../lib1" },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the loader's
  "with ${ORIGIN}": { "/bin/program": needsA, ...twice, libraryPath: "${ORIGIN}/../lib2" },
  "$ORIGIN in it is the program's, for libraries too": {
    "/bin/program": needsA,
    "/lib1/liba.so": library({ needed: ["libb.so"] }),
    "/bin/libb.so": library(),
    libraryPath: "$ORIGIN:@/lib1",
  },
  "an empty element at the start": {
    "/bin/program": needsA,
    "/liba.so": library(),
    libraryPath: ":@/none",
    fixed: true,
  },
  "an empty element in the middle": {
    "/bin/program": needsA,
    "/liba.so": library(),
    libraryPath: "@/none::@/none",
    fixed: true,
  },
  "an empty element at the end": {
    "/bin/program": needsA,
    "/liba.so": library(),
    libraryPath: "@/none:",
    fixed: true,
  },
  "an empty one counts as unset": {
    "/bin/program": needsA,
    "/liba.so": library(),
    libraryPath: "",
    fixed: true,
  },
  "a relative directory": {
    "/bin/program": needsA,
    ...twice,
    libraryPath: "lib1",
    fixed: true,
  },
  "the current directory by its name": {
    "/bin/program": needsA,
    "/liba.so": library({ needed: ["libb.so"], runpath: "$ORIGIN/lib1" }),
    "/lib1/libb.so": library(),
    libraryPath: ".",
    fixed: true,
  },
  "the same directory twice": {
    "/bin/program": needsA,
    ...twice,
    libraryPath: "@/lib2:@/lib2/:@/lib1",
  },
});
