// The package as others take it: installed from what npm packs, compiled against by each
// TypeScript, carried by each bundler.
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { node, run } from "../support/process.js";
import { scratchDirectory } from "../support/scratch.js";

const checkout = resolve(import.meta.dirname, "../..");
const documented = readFileSync(join(checkout, "docs/embedding.md"), "utf8");
const directory = scratchDirectory();
const project = join(directory, "project");
let tarball: string;

/** Returns what a command prints. Throws if it fails. */
function output(command: readonly string[], cwd: string): string {
  const { stdout, stderr, code } = run(command, { cwd });
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

const tool = (name: string) => join(project, "node_modules/.bin", name);

beforeAll(() => {
  // What `prepare` builds is there; building it again would interfere with other tests.
  output(["npm", "pack", "--ignore-scripts", "--pack-destination", directory], checkout);
  const [packed = "none"] = readdirSync(directory).filter((name) => name.endsWith(".tgz"));
  tarball = join(directory, packed);
  cpSync(join(import.meta.dirname, "project"), project, { recursive: true });
  const quiet = ["--no-audit", "--no-fund"];
  output(["npm", "ci", ...quiet], project);
  output(["npm", "install", "--no-save", "--no-package-lock", ...quiet, tarball], project);
});

it("the package satisfies publint and Are the types wrong?", () => {
  expect(output([tool("publint"), tarball, "--strict"], project)).toContain("All good!");
  expect(output([tool("attw"), tarball], project)).toContain("No problems found");
});

describe("types", () => {
  const compilers = Object.keys(
    JSON.parse(readFileSync(join(import.meta.dirname, "project/package.json"), "utf8"))
      .devDependencies,
  ).filter((name) => name.startsWith("typescript-"));
  const calls = readFileSync(join(import.meta.dirname, "project/calls.ts"), "utf8");
  const settings = [
    ["an ES and a CommonJS module, NodeNext", ["calls.mts", "calls.cts"], "NodeNext", "NodeNext"],
    ["a bundler's module", ["calls.ts"], "ESNext", "Bundler"],
  ] as const;
  // Without Node's types it is the DOM's that define AbortSignal.
  const surroundings = [
    ["with Node's types", { types: ["node"], lib: ["ES2022"] }],
    ["without them", { types: [], lib: ["ES2022", "DOM"] }],
  ] as const;

  it("knows the compilers", () => {
    expect(compilers.length).toBeGreaterThan(2);
  });

  describe.each(compilers)("of %s", (compiler) => {
    describe.each(settings)("in %s", (_, files, module, moduleResolution) => {
      it.each(surroundings)("%s", (name, surrounding) => {
        for (const file of files) writeFileSync(join(project, file), calls);
        const configuration = `tsconfig.${compiler}.${module}.${name}.json`.replaceAll(
          /[ ']/g,
          "-",
        );
        const compilerOptions = {
          ...{ module, moduleResolution, target: "ES2022", ...surrounding },
          ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
          ...{ skipLibCheck: false, noEmit: true },
        };
        writeFileSync(join(project, configuration), JSON.stringify({ compilerOptions, files }));
        const tsc = join(project, "node_modules", compiler, "bin/tsc");
        const { stdout, code } = run([...node, tsc, "--project", configuration], { cwd: project });
        expect({ stdout, code }).toEqual({ stdout: "", code: 0 });
      });
    });
  });
});

const answer = "true 1\n";

describe("Node", () => {
  it("takes it through import", () => {
    expect(output([...node, "start.mjs"], project)).toBe(answer);
  });

  it("takes it through require()", () => {
    const source = `const { inspect } = require("fixelf");
      inspect(process.execPath).then(({ type }) => console.log(type));`;
    expect(output([...node, "--eval", source], project)).toMatch(/^(pie|executable)\n$/);
  });

  it("starts the command line", () => {
    const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
    expect(output([tool("fixelf"), "--version"], project)).toBe(`${version}\n`);
    expect(JSON.parse(output([tool("fixelf"), "inspect", "--json", process.execPath], project)));
  });
});

describe("bundlers", () => {
  interface Bundler {
    title: string;
    /** Writes the bundle into the directory OUT. */
    command: string[];
    /** The options that keep fixelf out of it. */
    external: string[];
    /** How docs/embedding.md puts that. */
    documented: string;
    bundle: string;
  }
  const banner =
    '--banner:js=import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  const esbuild = ["esbuild", "start.mjs", "--bundle", "--platform=node"];
  const bundlers: Bundler[] = [
    {
      title: "esbuild, to CommonJS",
      command: [...esbuild, "--format=cjs", "--outfile=OUT/main.cjs"],
      external: ["--external:fixelf"],
      documented: "--external:fixelf",
      bundle: "main.cjs",
    },
    {
      title: "esbuild, to an ES module",
      command: [...esbuild, "--format=esm", banner, "--outfile=OUT/main.mjs"],
      external: ["--external:fixelf"],
      documented: banner.replace("=", "='"),
      bundle: "main.mjs",
    },
    {
      title: "rolldown",
      command: ["rolldown", "start.mjs", "--platform=node", "--dir=OUT"],
      external: ["--external=fixelf"],
      documented: 'external: ["fixelf"]',
      bundle: "start.js",
    },
    {
      title: "webpack",
      command: [
        ...["webpack", "--config=webpack.config.cjs"],
        ...["--output-path=OUT", "--output-filename=main.cjs"],
      ],
      external: ["--env=external"],
      documented: 'externals: { fixelf: "commonjs fixelf" }',
      bundle: "main.cjs",
    },
    {
      title: "ncc",
      command: ["ncc", "build", "start.cjs", "--out=OUT"],
      external: ["--external=fixelf"],
      documented: "--external fixelf",
      bundle: "index.cjs",
    },
  ];
  /** The directory of a bundle, nowhere near the package. */
  const bundled = ({ command }: Bundler, options: readonly string[] = []) => {
    const out = scratchDirectory();
    const [name = "", ...words] = command.map((word) => word.replace("OUT", out));
    output([tool(name), ...words, ...options], project);
    const isModule = name === "rolldown";
    writeFileSync(join(out, "package.json"), isModule ? '{"type":"module"}' : "{}");
    return out;
  };

  describe.each(bundlers)("$title", (bundler) => {
    it("leaves the package outside", () => {
      expect(documented).toContain(bundler.documented);
      const out = bundled(bundler, bundler.external);
      symlinkSync(join(project, "node_modules"), join(out, "node_modules"));
      expect(output([...node, join(out, bundler.bundle)], out)).toBe(answer);
    });

    it("carries the package, with what it needs in a folder beside the bundle", () => {
      const out = bundled(bundler);
      const start = () => output([...node, join(out, bundler.bundle)], out);
      expect(start()).toContain("copy package.json, prebuilds and share of the package into");
      expect(documented).toContain("cp -r node_modules/fixelf/{package.json,prebuilds,share}");
      for (const part of ["package.json", "prebuilds", "share"])
        cpSync(join(project, "node_modules/fixelf", part), join(out, "fixelf", part), {
          recursive: true,
        });
      expect(start()).toBe(answer);
    });
  });
});
