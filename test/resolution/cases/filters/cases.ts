import { defineRule, library, program } from "../../define.js";

// DT_AUXILIARY and DT_FILTER.
export default defineRule("filters", {
  "DT_AUXILIARY of a library": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ auxiliary: ["libx.so"] }),
    "/lib1/libx.so": library({ needed: ["liby.so"] }),
    "/lib1/liby.so": library(),
    unordered: true,
  },
  "DT_AUXILIARY that is not there": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ auxiliary: ["libx.so"] }),
    unordered: true,
  },
  DT_FILTER: {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ filter: ["libx.so"], needed: ["libb.so"] }),
    "/lib1/libx.so": library(),
    "/lib1/libb.so": library(),
    unordered: true,
  },
  "DT_FILTER before DT_NEEDED": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({
      filter: ["libx.so"],
      needed: ["@/lib2/libx.so"],
      filtersFirst: true,
    }),
    "/lib1/libx.so": library({ soname: "libx.so" }),
    "/lib2/libx.so": library({ soname: "libx.so" }),
    unordered: true,
  },
  "DT_NEEDED before DT_FILTER": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ filter: ["libx.so"], needed: ["@/lib2/libx.so"] }),
    "/lib1/libx.so": library({ soname: "libx.so" }),
    "/lib2/libx.so": library({ soname: "libx.so" }),
    unordered: true,
  },
  "of the program": {
    "/bin/program": program({ needed: ["liba.so"], auxiliary: ["libx.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library(),
    "/lib1/libx.so": library(),
    unordered: true,
  },
  "whose needs come next": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ filter: ["libx.so", "libz1.so"] }),
    "/lib1/libx.so": library({ needed: ["@/lib1/liby.so"] }),
    "/lib1/libz1.so": library(),
    "/lib1/libb.so": library({ needed: ["liby.so"], runpath: "@/lib2" }),
    "/lib1/liby.so": library({ soname: "liby.so" }),
    "/lib2/liby.so": library({ soname: "liby.so" }),
    unordered: true,
  },
  "that is loaded already": {
    "/bin/program": program({ needed: ["liba.so", "libx.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ auxiliary: ["libx.so"] }),
    "/lib1/libx.so": library(),
    unordered: true,
  },
  "$ORIGIN in it": {
    "/bin/program": program({ needed: ["liba.so"], rpath: "@/lib1" }),
    "/lib1/liba.so": library({ auxiliary: ["$ORIGIN/plugins/libx.so"] }),
    "/lib1/plugins/libx.so": library(),
    unordered: true,
  },
});
