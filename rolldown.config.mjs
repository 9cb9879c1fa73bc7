// What ships, as a few files instead of a hundred and fifty: opening, checking and linking each module takes longer
// than what short commands do, and took three quarters of the time to import the library. What is loaded only when
// needed stays in a separate file. (tsc writes the declarations, and each module separately to out/lib, for the
// benchmarks.)
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// The command line bundles the packages that it uses, with their licenses. Otherwise Node would search several
// directories for each package, code is cached only for its own files (lib/cli/code_cache.ts), and users who embed the
// library need not install them.
const licenses = {
  name: "licenses",
  generateBundle(_, bundle) {
    const modules = Object.values(bundle).flatMap(({ moduleIds }) => moduleIds ?? []);
    const packages = new Set(modules.flatMap((id) => id.match(/^.*\/node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? []));
    for (const directory of packages) {
      const texts = readdirSync(directory).filter((name) => /^(licen[cs]e|notice)\b/i.test(name));
      if (texts.length === 0) throw new Error(`${directory}: it has no license`);
      for (const text of texts) {
        const fileName = `licenses/${directory.slice(directory.lastIndexOf("node_modules/") + 13)}/${text}`;
        this.emitFile({ type: "asset", fileName, source: readFileSync(join(directory, text)) });
      }
    }
  },
};

const late = "\0late/";
const nodes = {
  name: "Node's modules",
  resolveId(id, importer, { kind }) {
    if (!id.startsWith("node:")) return null;
    // Commander loads it, with sockets and streams, for commands that are separate programs. There are none here.
    if (id === "node:child_process" && importer.includes("/node_modules/commander/")) return "\0nothing";
    // It loads Node's loader of ES modules. The command line is CommonJS, which has what lib/ uses it for.
    if (id === "node:module") return "\0module";
    // What is loaded late is loaded by require(): import() has no code cache.
    if (kind === "dynamic-import") return `${late}${id}`;
    return { id, external: true };
  },
  load(id) {
    if (id === "\0nothing") return "export {}";
    if (id === "\0module") return "export const createRequire = () => require";
    if (id.startsWith(late)) return `export * from "${id.slice(late.length)}"`;
    return null;
  },
};

// For the command line: the two commands whose start matters most, what two of them share, and what everything is based
// on. Otherwise, what they share with others would become one small file for each combination of users, or end up in
// one of the others' files, which would then be loaded whole.
const groups = [
  {
    name: "base",
    priority: 2,
    test: /lib\/(base\/(arguments|bytes|disk|errors|nearest|process|realms|write_fully)|addon\/(native|package_directory|under_way)|file\/kind)\.ts$|\/node-gyp-build\//,
  },
  {
    name: "at_once",
    priority: 1,
    test: /lib\/(base\/(directories|options|shell)|addon\/(cancellation|remembered)|file\/(driver_name|libc|machine|nix_system|rooted|versions)|store\/place|report\/(text|shown|json)|cli\/(command|get|index_talk|options|progress|terminal))\.ts$|^\0module$/,
  },
  {
    name: "find",
    test: /lib\/(cli\/(asked_names|look_up)|report\/find|store\/(context|find|indexed|candidates|closure|rank|roots|nix|nixpkgs\/(packages|symbol_versions|table)|index\/[a-z_]+))\.ts$/,
  },
  {
    name: "doctor",
    test: /lib\/(cli\/examine|report\/doctor|addon\/resolutions|(doctor|judge)\/(?!script|remedy|libraries|versions|dependency)[a-z_]+|judge\/(libraries|versions)|file\/(tree|beginning|content|shebang|libc_banner|interpreter|stand_in|search_path|company)|store\/lazy)\.ts$/,
  },
].map((group) => ({ ...group, includeDependenciesRecursively: false }));

// A chunk gives others a getter for each name, in case its value changes. None of these do, and defining four hundred
// getters takes longer than most of what a short command does.
const getter =
  /^Object\.defineProperty\(exports, ("[^"]+"), \{\s+enumerable: true,\s+get: function \(\) \{\s+return ([\w$]+);\s+\}\s+\}\);$/gm;
const plainExports = {
  name: "plain exports",
  renderChunk: (code) => code.replaceAll(getter, "exports[$1] = $2;"),
};

// What Node wraps around a CommonJS file, for lib/cli/code_cache.ts.
const wrapped = {
  name: "wrapped",
  renderChunk: (code) => `(function (exports, require, module, __filename, __dirname) { ${code}\n});`,
  generateBundle(_, bundle) {
    for (const { fileName, code } of Object.values(bundle))
      if (/\bimport\(/.test(code)) throw new Error(`${fileName}: scripts have no import() in Node 20`);
  },
};

// A script is parsed when it is loaded, including its comments and blanks, and twice as slowly if a single character is
// not ASCII. Names are kept for the sake of readable stack traces.
const minify = {
  compress: false,
  mangle: false,
  codegen: { removeWhitespace: true, asciiOnly: true },
};

// For the library: what it needs at once and what is loaded later needs as well.
const shared = [{ name: "shared", minShareCount: 2 }];

const common = {
  platform: "node",
  // A module that some load at once and others late is not split further: this is intended.
  checks: { ineffectiveDynamicImport: false },
};

const library = {
  ...common,
  input: "lib/index.ts",
  external: [/^node:/, ...Object.keys(JSON.parse(readFileSync("package.json", "utf8")).dependencies)],
};

const commandLine = {
  // For ES modules, Node 20 would first start a loader, which takes a tenth of the time of a short command.
  format: "cjs",
  strict: true, // as ES modules are
  minify,
};

export default [
  {
    ...common,
    input: "lib/cli/start.ts",
    output: { ...commandLine, file: "dist/cli/main.cjs" },
  },
  {
    ...common,
    plugins: [nodes, licenses, plainExports, wrapped],
    input: "lib/cli/main.ts",
    output: {
      ...commandLine,
      dir: "dist/cli",
      entryFileNames: "chunks/[name].cjs",
      chunkFileNames: "chunks/[name].cjs",
      codeSplitting: { groups },
    },
    preserveEntrySignatures: false,
  },
  {
    // Node has no require() of ES modules before 20.19.
    ...library,
    output: {
      format: "cjs",
      strict: true,
      dir: "dist/require",
      entryFileNames: "[name].cjs",
      chunkFileNames: "chunks/[name].cjs",
      codeSplitting: { groups: shared },
    },
  },
  {
    ...library,
    output: {
      dir: "dist",
      entryFileNames: "[name].js",
      chunkFileNames: "chunks/[name].js",
      codeSplitting: { groups: shared },
    },
  },
];
