import { defineRule, library, program } from "../../define.js";

// Programs and libraries that are examined themselves.
export default defineRule("looked-at", {
  "a program that needs nothing": { "/bin/program": program() },
  "a program in a deep directory": {
    "/opt/app/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGIN/../lib" }),
    "/opt/app/lib/liba.so": library(),
    program: "/opt/app/bin/program",
  },
  "a program by a path with ..": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGIN/../lib1" }),
    "/lib1/liba.so": library(),
    program: "/lib1/../bin/program",
  },
  "many libraries": {
    "/bin/program": program({
      needed: Array.from({ length: 20 }, (_, index) => `lib${index}.so`),
      rpath: "@/lib1",
    }),
    ...Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `/lib1/lib${index}.so`,
        library({ needed: [`lib${(index * 7 + 3) % 20}.so`, `libx${index % 3}.so`] }),
      ]),
    ),
    "/lib1/libx1.so": library(),
  },
  "a deep chain": {
    "/bin/program": program({ needed: ["lib0.so"], rpath: "@/lib1" }),
    ...Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [
        `/lib1/lib${index}.so`,
        library({ needed: [`lib${index + 1}.so`] }),
      ]),
    ),
  },
});
