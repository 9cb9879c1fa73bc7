import { defineRule, library, program } from "../../define.js";

// LD_PRELOAD and /etc/ld.so.preload.
const needsA = program({ needed: ["liba.so"], rpath: "@/lib1" });
const libraries = {
  "/lib1/liba.so": library(),
  "/lib1/libp.so": library({ needed: ["libq.so"] }),
  "/lib1/libq.so": library(),
};

export default defineRule("preload", {
  "a name is searched for as the program's needs are": {
    "/bin/program": needsA,
    ...libraries,
    preload: "libp.so",
  },
  "a path": { "/bin/program": needsA, ...libraries, preload: "@/lib1/libp.so" },
  "two, with a space": { "/bin/program": needsA, ...libraries, preload: "libp.so libq.so" },
  "two, with a colon": { "/bin/program": needsA, ...libraries, preload: "libq.so:libp.so" },
  "with surplus separators": { "/bin/program": needsA, ...libraries, preload: " :libp.so: :" },
  "a missing one is skipped": {
    "/bin/program": needsA,
    ...libraries,
    preload: "libnone.so:libp.so",
    // musl does not report it.
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "one that is needed anyway": { "/bin/program": needsA, ...libraries, preload: "liba.so" },
  "one that is needed later": {
    "/bin/program": program({ needed: ["liba.so", "libp.so"], rpath: "@/lib1" }),
    ...libraries,
    preload: "libq.so",
  },
  "$ORIGIN in a path": {
    "/bin/program": needsA,
    ...libraries,
    preload: "$ORIGIN/../lib1/libp.so",
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "of the system": {
    "/bin/program": needsA,
    ...libraries,
    "/etc/ld.so.preload": "/lib1/libp.so\n",
    fixed: true,
  },
  "of the system, by name and with comments": {
    "/bin/program": needsA,
    ...libraries,
    // To the loader, the rest of the second comment is a name.
    "/etc/ld.so.preload": "# libnone.so\n libq.so # libp.so\n\tlibp.so",
    fixed: true,
    unordered: true,
  },
  "of the system, after the user's": {
    "/bin/program": needsA,
    ...libraries,
    "/etc/ld.so.preload": "libp.so:",
    preload: "libq.so",
    fixed: true,
  },
  "of the system, without an end": {
    "/bin/program": needsA,
    ...libraries,
    "/etc/ld.so.preload": "libq.so",
    fixed: true,
  },
  "the same twice": { "/bin/program": needsA, ...libraries, preload: "libp.so:@/lib1/libp.so" },
});
