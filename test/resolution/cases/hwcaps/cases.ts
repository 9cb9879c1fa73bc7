import { defineRule, library, program } from "../../define.js";

// Directories for particular processors. The processor decides which of them count: the real loader
// and fixelf examine the same one.
const levels = ["x86-64-v2", "x86-64-v3", "x86-64-v4", "z13", "z14", "power9"];
const below = (directory: string, name: string) =>
  Object.fromEntries(
    levels.map((level) => [
      `${directory}/glibc-hwcaps/${level}/${name}`,
      library({ soname: name }),
    ]),
  );
const needsA = (runpath: string) => program({ needed: ["liba.so"], runpath });

export default defineRule("hwcaps", {
  "of a RUNPATH": { "/bin/program": needsA("@/lib1"), ...below("/lib1", "liba.so") },
  "before the directory itself": {
    "/bin/program": needsA("@/lib1"),
    ...below("/lib1", "liba.so"),
    "/lib1/liba.so": library(),
  },
  "the directory itself if they have nothing": {
    "/bin/program": needsA("@/lib1"),
    ...below("/lib1", "libb.so"),
    "/lib1/liba.so": library(),
  },
  "the lowest one": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/glibc-hwcaps/x86-64-v2/liba.so": library(),
    "/lib1/glibc-hwcaps/z13/liba.so": library(),
    "/lib1/liba.so": library(),
  },
  "a directory before another's": {
    "/bin/program": needsA("@/lib1:@/lib2"),
    "/lib1/liba.so": library(),
    ...below("/lib2", "liba.so"),
  },
  "one that no processor has": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/glibc-hwcaps/x86-64-v9/liba.so": library(),
    "/lib1/liba.so": library(),
  },
  "of LD_LIBRARY_PATH": {
    "/bin/program": program({ needed: ["liba.so"] }),
    ...below("/lib1", "liba.so"),
    libraryPath: "@/lib1",
  },
  "of an inherited RPATH": {
    "/bin/program": program({ needed: ["libb.so"], rpath: "@/lib1" }),
    "/lib1/libb.so": library({ needed: ["liba.so"] }),
    ...below("/lib1", "liba.so"),
  },
  "of a default directory": {
    "/bin/program": program({ needed: ["liba.so"] }),
    ...below("/lib", "liba.so"),
    fixed: true,
  },
  "in the cache": {
    "/bin/program": program({ needed: ["liba.so"] }),
    ...below("/opt/one", "liba.so"),
    "/opt/one/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one"],
  },
  "in the cache, one that no processor has": {
    "/bin/program": program({ needed: ["liba.so"] }),
    "/opt/one/glibc-hwcaps/x86-64-v9/liba.so": library({ soname: "liba.so" }),
    "/opt/one/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one"],
  },
  "in the cache, of two directories": {
    "/bin/program": program({ needed: ["liba.so"] }),
    "/opt/one/glibc-hwcaps/x86-64-v2/liba.so": library({ soname: "liba.so" }),
    "/opt/two/glibc-hwcaps/x86-64-v3/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one", "/opt/two"],
  },
  "in the cache, with a library that needs more than its directory says": {
    "/bin/program": program({ needed: ["liba.so"] }),
    "/opt/one/glibc-hwcaps/x86-64-v2/liba.so": library({
      soname: "liba.so",
      link: ["-z", "x86-64-v4"],
    }),
    "/opt/one/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one"],
    machines: ["x86-64"],
  },
  "a library of another machine in one": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/glibc-hwcaps/x86-64-v2/liba.so": library({ machine: "aarch64" }),
    "/lib1/liba.so": library(),
    machines: ["x86-64"],
  },
  "$ORIGIN of a library in one": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/glibc-hwcaps/x86-64-v2/liba.so": library({ needed: ["libb.so"], runpath: "$ORIGIN" }),
    "/lib1/glibc-hwcaps/x86-64-v2/libb.so": library(),
    "/lib1/liba.so": library(),
    "/lib1/libb.so": library(),
  },
  "legacy: tls": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/tls/liba.so": library(),
    "/lib1/liba.so": library(),
    machines: ["x86-64", "i386", "aarch64", "musl"],
  },
  "legacy: the platform": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/x86_64/liba.so": library(),
    "/lib1/i686/liba.so": library(),
    "/lib1/haswell/liba.so": library(),
    "/lib1/liba.so": library(),
    machines: ["x86-64", "i386", "musl"],
  },
  "legacy: both": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/tls/x86_64/liba.so": library(),
    "/lib1/tls/i686/liba.so": library(),
    "/lib1/tls/liba.so": library(),
    "/lib1/liba.so": library(),
    machines: ["x86-64", "i386", "musl"],
  },
  "legacy: after glibc-hwcaps": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/tls/liba.so": library(),
    ...below("/lib1", "liba.so"),
    machines: ["x86-64"],
  },
  "legacy: sse2 of i386": {
    "/bin/program": needsA("@/lib1"),
    "/lib1/sse2/liba.so": library(),
    "/lib1/i686/sse2/libb.so": library(),
    "/lib1/liba.so": library(),
    machines: ["i386"],
  },
  "legacy: in the cache": {
    "/bin/program": program({ needed: ["liba.so"] }),
    "/opt/one/tls/liba.so": library({ soname: "liba.so" }),
    "/opt/one/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/one"],
  },
});
