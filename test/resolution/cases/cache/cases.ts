import { defineRule, library, program } from "../../define.js";

// ld.so.cache.
const needsA = program({ needed: ["liba.so"] });
const twice = {
  "/opt/one/liba.so": library({ soname: "liba.so" }),
  "/opt/two/liba.so": library({ soname: "liba.so" }),
};

export default defineRule("cache", {
  "as ldconfig writes it": { "/bin/program": needsA, ...twice, ldconfig: ["/opt/one"] },
  "in ldconfig's order": { "/bin/program": needsA, ...twice, ldconfig: ["/opt/two", "/opt/one"] },
  "before the default directories": {
    "/bin/program": needsA,
    ...twice,
    "/lib/liba.so": library({ soname: "liba.so" }),
    ldconfig: ["/opt/two"],
  },
  "after RUNPATH": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "/opt/two" }),
    ...twice,
    ldconfig: ["/opt/one"],
  },
  "for the needs of libraries": {
    "/bin/program": needsA,
    "/opt/one/liba.so": library({ soname: "liba.so", needed: ["libb.so"] }),
    "/opt/one/libb.so": library({ soname: "libb.so" }),
    ldconfig: ["/opt/one"],
  },
  "by the soname, not the file's name": {
    "/bin/program": program({ needed: ["libreal.so", "liba.so"] }),
    "/opt/one/liba.so": library({ soname: "libreal.so" }),
    ldconfig: ["/opt/one"],
  },
  "names that differ in leading zeros are the same": {
    "/bin/program": program({ needed: ["liba.so.01"] }),
    "/opt/one/liba.so.1": library({ soname: "liba.so.1" }),
    ldconfig: ["/opt/one"],
  },
  "an entry whose file is gone": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    cache: { entries: [{ name: "liba.so", path: "/opt/none/liba.so" }] },
  },
  "an entry for another machine's file": {
    "/bin/program": needsA,
    "/opt/one/liba.so": library({ machine: "aarch64" }),
    "/lib/liba.so": library(),
    cache: { entries: [{ name: "liba.so", path: "/opt/one/liba.so" }] },
  },
  "an entry with another machine's flags": {
    "/bin/program": needsA,
    ...twice,
    cache: {
      entries: [
        { name: "liba.so", path: "/opt/one/liba.so", flags: 3 },
        { name: "liba.so", path: "/opt/two/liba.so" },
      ],
    },
  },
  "an entry without libc's flag": {
    "/bin/program": needsA,
    ...twice,
    cache: { entries: [{ name: "liba.so", path: "/opt/one/liba.so", flags: 1 }] },
  },
  "an entry without libc's flag before one with it": {
    "/bin/program": needsA,
    ...twice,
    cache: {
      entries: [
        { name: "liba.so", path: "/opt/one/liba.so", flags: 1 },
        { name: "liba.so", path: "/opt/two/liba.so" },
      ],
    },
  },
  "two entries without libc's flag": {
    "/bin/program": needsA,
    ...twice,
    cache: {
      entries: [
        { name: "liba.so", path: "/opt/one/liba.so", flags: 1 },
        { name: "liba.so", path: "/opt/two/liba.so", flags: 1 },
      ],
    },
  },
  "the old format": {
    "/bin/program": needsA,
    ...twice,
    cache: { format: "old", entries: [{ name: "liba.so", path: "/opt/one/liba.so" }] },
  },
  "the new format after the old one": {
    "/bin/program": needsA,
    ...twice,
    cache: { format: "both", entries: [{ name: "liba.so", path: "/opt/one/liba.so" }] },
  },
  "in no order": {
    "/bin/program": program({ needed: ["liba.so", "libb.so", "libc1.so"] }),
    "/opt/one/liba.so": library(),
    "/opt/one/libb.so": library(),
    "/opt/one/libc1.so": library(),
    cache: {
      entries: ["liba.so", "libb.so", "libc1.so"].map((name) => ({
        name,
        path: `/opt/one/${name}`,
      })),
    },
  },
  "in descending order": {
    "/bin/program": program({ needed: ["liba.so.9", "liba.so.10", "libb.so"] }),
    "/opt/one/liba.so.9": library(),
    "/opt/one/liba.so.10": library(),
    "/opt/one/libb.so": library(),
    cache: {
      entries: ["libb.so", "liba.so.10", "liba.so.9"].map((name) => ({
        name,
        path: `/opt/one/${name}`,
      })),
    },
  },
  "a file of another kind": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    "/etc/ld.so.cache": "none",
    fixed: true,
  },
  "cut short": {
    "/bin/program": needsA,
    "/lib/liba.so": library(),
    "/etc/ld.so.cache": "glibc-ld.so.cache1.1\u0001",
    fixed: true,
  },
  "an entry for a legacy directory, tls": {
    "/bin/program": needsA,
    ...twice,
    cache: {
      entries: [
        { name: "liba.so", path: "/opt/one/liba.so", hwcap: 1n << 63n },
        { name: "liba.so", path: "/opt/two/liba.so" },
      ],
    },
  },
  "an entry for a legacy directory that no processor has": {
    "/bin/program": needsA,
    ...twice,
    cache: {
      entries: [
        { name: "liba.so", path: "/opt/one/liba.so", hwcap: 1n << 20n },
        { name: "liba.so", path: "/opt/two/liba.so" },
      ],
    },
  },
});
