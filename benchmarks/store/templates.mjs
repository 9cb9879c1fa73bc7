// The ELF files of a synthetic store, in several shapes, each with placeholders for its soname, the
// libraries it needs, its search path and its interpreter. store/lay_out.cpp overwrites them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compile.mjs";

// The same as in store/lay_out.cpp.
const ownName = "libplaceholder-of-the-own-soname.so.0";
const neededName = (digit) => `libplaceholder-of-a-needed-library.so.${digit}`;
const searchPath = "/placeholder-of-the-search-path".padEnd(320, "-");
const interpreter = "/placeholder-of-the-interpreter".padEnd(96, "-");

const link = (...options) => options.map((option) => `-Wl,${option}`);
const packed = link("-z,noseparate-code");

/**
 * `needs`: how many libraries it needs; their symbols have versions. `functions`: how large it is.
 */
const libraries = [
  { name: "plain", needs: 1, options: [...packed, ...link("--enable-new-dtags")] },
  { name: "separate", needs: 2, functions: 40, options: link("-z,separate-code") },
  { name: "rpath", needs: 2, options: [...packed, ...link("--disable-new-dtags")] },
  { name: "versions", needs: 3, functions: 200, versions: 6, options: packed },
  { name: "no-relro", needs: 1, options: [...packed, ...link("-z,norelro")] },
  { name: "stack", needs: 0, options: [...packed, ...link("-z,execstack")] },
  {
    name: "sysv-hash",
    needs: 4,
    functions: 400,
    options: [...packed, ...link("--hash-style=sysv")],
  },
  { name: "stripped", needs: 4, options: [...packed, "-s", ...link("-z,now")] },
  { name: "no-runpath", needs: 0, plain: true, options: packed },
];
const programs = [
  { name: "pie", needs: 2, options: ["-pie", ...packed] },
  { name: "fixed", needs: 3, options: ["-no-pie", ...packed] },
  { name: "foreign", needs: 1, foreign: true, options: ["-pie", "-s", ...packed] },
  { name: "old", needs: 4, functions: 100, options: ["-no-pie", ...link("--disable-new-dtags")] },
  { name: "bound", needs: 2, functions: 300, options: ["-pie", ...link("-z,now", "-z,relro")] },
  { name: "static", static: true, options: ["-static", "-no-pie", ...packed] },
  { name: "static-pie", static: true, options: ["-static-pie", ...packed] },
];

/** Compiles them all into the directory; returns their paths. Those of libraries end in `.so`. */
export function makeTemplates(directory) {
  mkdirSync(directory, { recursive: true });
  const stubs = [0, 1, 2, 3].map((digit) => {
    const path = join(directory, `stub${digit}`);
    const versions = join(directory, `stub${digit}.map`);
    compile("tee", [versions], `PLACE_${digit}.0 { needed${digit}; };\n`);
    build(path, `int needed${digit}(void) { return ${digit}; }`, [
      "-shared",
      ...link(`-soname,${neededName(digit)}`, `--version-script,${versions}`),
    ]);
    return path;
  });
  const made = [];
  for (const { name, needs, plain, options, functions = 4, versions } of libraries) {
    const path = join(directory, `${name}.so`);
    const map = join(directory, `${name}.map`);
    const nodes = Array.from(
      { length: versions ?? 0 },
      (_, index) =>
        `OWN_1.${index} { function${index}; }${index > 0 ? ` OWN_1.${index - 1}` : ""};`,
    );
    if (versions) compile("tee", [map], nodes.join("\n"));
    build(path, source(functions, needs), [
      "-shared",
      ...link(`-soname,${ownName}`),
      ...(versions ? link(`--version-script,${map}`) : []),
      ...(plain ? [] : link(`-rpath,${searchPath}`)),
      ...options,
      ...stubs.slice(0, needs),
    ]);
    made.push(path);
  }
  for (const { name, needs = 0, foreign, options, functions = 4, ...program } of programs) {
    const path = join(directory, name);
    const dynamic = [
      ...link(`-rpath,${searchPath}`),
      ...(foreign ? [] : link(`--dynamic-linker,${interpreter}`)),
    ];
    build(path, `${source(functions, needs)}\nvoid _start(void) {}`, [
      ...(program.static ? [] : dynamic),
      ...options,
      ...stubs.slice(0, needs),
    ]);
    made.push(path);
  }
  return made;
}

function source(functions, needs) {
  const calls = Array.from({ length: needs }, (_, index) => `needed${index}()`);
  return [
    ...calls.map((call) => `int ${call.replace("()", "(void)")};`),
    `int function0(void) { return ${["0", ...calls].join(" + ")}; }`,
    ...Array.from(
      { length: functions },
      (_, index) => `int function${index + 1}(int a) { return a * ${index + 7} + function0(); }`,
    ),
  ].join("\n");
}

function build(output, text, options) {
  const common = ["-O1", "-fPIC", "-nostdlib", "-x", "c", "-", "-x", "none"];
  compile("cc", [...common, "-o", output, ...options.filter((option) => option)], text);
}
