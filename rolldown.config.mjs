// What ships, as a few files instead of a hundred and fifty: opening, checking and linking each
// module takes longer than what short commands do, and was three quarters of importing the library.
// What is loaded only when it is needed stays a file of its own. (tsc writes the declarations, and to
// out/lib each module by itself, for the benchmarks.)
import { readFileSync } from "node:fs";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const packages = Object.keys(dependencies);

// Of the command line: the three commands whose start counts most, and what everything stands on.
// What they share with others would else be one small file for each set of those that share it, or
// lie in one of the others' files, which then is loaded whole.
const groups = [
  { name: "base", priority: 2, test: /lib\/(base\/(errors|write_fully)|addon\/(native|package_directory))\.ts$/ },
  { name: "patchelf", test: /lib\/drop_in\/patchelf\/(run|answers|arguments|failure)\.ts$/ },
  {
    name: "find",
    test: /lib\/(cli\/look_up|report\/find|store\/(context|find|indexed|candidates|place|roots))\.ts$/,
  },
  {
    name: "doctor",
    test: /lib\/(cli\/examine|report\/doctor|(doctor|judge)\/(?!script)[a-z_]+|file\/(tree|shebang|rooted|machine|libc_banner)|store\/lazy)\.ts$/,
  },
];

const common = {
  platform: "node",
  // A module that some load at once and others late is not split further: that is meant.
  checks: { ineffectiveDynamicImport: false },
  external: [/^node:/, ...packages],
};

export default [
  {
    ...common,
    input: "lib/cli/main.ts",
    output: {
      // For ES modules Node 20 would start a loader first, a tenth of what a short command takes.
      format: "cjs",
      strict: true, // as ES modules are
      dir: "dist/cli",
      entryFileNames: "[name].cjs",
      chunkFileNames: "chunks/[name].cjs",
      codeSplitting: { groups },
    },
  },
  {
    // Node has no require() of ES modules before 20.19.
    ...common,
    input: "lib/index.ts",
    output: {
      format: "cjs",
      strict: true,
      dir: "dist/require",
      entryFileNames: "[name].cjs",
      chunkFileNames: "chunks/[name].cjs",
    },
  },
  {
    ...common,
    input: "lib/index.ts",
    output: { dir: "dist", entryFileNames: "[name].js", chunkFileNames: "chunks/[name].js" },
  },
];
