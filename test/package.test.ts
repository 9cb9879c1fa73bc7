import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { execa } from "execa";
import { expect, test } from "vitest";
import { native } from "../lib/addon/native.js";
import { inspect } from "../lib/index.js";
import packageManifest from "../package.json" with { type: "json" };
import { needs } from "./support/needs.js";

const packageDirectory = resolve(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
/** Node's names for machines, by the kernel's. */
const machines: Partial<Record<string, string>> = {
  arm: "armv7l",
  arm64: "aarch64",
  ia32: "i686",
  riscv64: "riscv64",
  x64: "x86_64",
};
const addonPath: string = require("node-gyp-build").path(packageDirectory);

test("the addon was built from this version of the package", () => {
  expect(native.version()).toBe(packageManifest.version);
});

test("the lock file names each package's source, for Nix's importNpmLock", () => {
  const file = readFileSync(join(packageDirectory, "package-lock.json"), "utf8");
  const lock: { packages: Record<string, { resolved?: string; integrity?: string; link?: true }> } =
    JSON.parse(file);
  const packages = Object.entries(lock.packages).filter(([path, { link }]) => path !== "" && !link);
  expect(packages.length).toBeGreaterThan(100);
  // npm leaves it out, or writes another registry's address, if so configured.
  for (const [path, { resolved, integrity }] of packages) {
    expect(resolved, path).toMatch(/^https:\/\/registry\.npmjs\.org\/.*\.tgz$/);
    expect(integrity, path).toMatch(/^sha512-/);
  }
});

test("the addon exports what Node looks up, and nothing else", needs("nm"), async () => {
  const { stdout } = await execa("nm", [
    "--dynamic",
    "--defined-only",
    "--format=just-symbols",
    addonPath,
  ]);
  expect(stdout.split("\n").sort()).toEqual([
    "napi_register_module_v1",
    "node_api_module_get_api_version_v1",
  ]);
});

test("the addon loads in worker threads, more than once in a process", async () => {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    parentPort.postMessage(require(workerData).version());
  `;
  for (const _ of [1, 2]) {
    const worker = new Worker(source, { eval: true, workerData: addonPath });
    const exited = once(worker, "exit");
    expect(await once(worker, "message")).toEqual([packageManifest.version]);
    expect(await exited).toEqual([0]);
  }
});

/** What `npm pack` would put into the package. */
async function packed(): Promise<{ path: string; mode: number; size: number }[]> {
  // Without --ignore-scripts npm would run `prepare` and build everything under the tests' feet.
  const { stdout } = await execa("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: packageDirectory,
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: Awaited<ReturnType<typeof packed>> }];
  return files;
}

test.each(["fixelf-ld", "fixelf-patchelf"])(
  "the package contains %s, which needs nothing, for each machine that it was built for",
  async (name) => {
    const folder = `prebuilds/${name}`;
    const built = existsSync(join(packageDirectory, folder))
      ? readdirSync(join(packageDirectory, folder))
      : [];
    const systems = ["aarch64", "armv7l", "i686", "riscv64", "x86_64"].map(
      (each) => `${each}-linux`,
    );
    const own = systems.filter((system) => system.startsWith(machines[process.arch] ?? "none"));
    // `npm run prebuild` omits none; a clone has the loaders for which there is a compiler.
    const expected = name === "fixelf-ld" ? own : [];
    expect(built).toEqual(expect.arrayContaining(process.env.PREBUILDS_ONLY ? systems : expected));
    const programs = (await packed()).filter(({ path }) => path.startsWith(`${folder}/`));
    expect(programs.map(({ path }) => path).sort()).toEqual(
      built.map((system) => `${folder}/${system}/${name}`).sort(),
    );
    for (const { path, mode, size } of programs) {
      expect(mode & 0o111).toBe(0o111);
      expect(size).toBeGreaterThan(1000);
      const { interpreter, needed } = await inspect(join(packageDirectory, path));
      expect({ path, interpreter, needed }).toEqual({ path, interpreter: null, needed: [] });
    }
  },
);

test("the package contains what runs, and not what it is made from", async () => {
  const paths = (await packed()).map(({ path }) => path);

  expect(paths).toContain("dist/index.js");
  expect(paths).toContain("dist/index.d.ts");
  expect(paths).toContain("dist/cli/main.cjs");
  expect(paths).toContain("LICENSE");
  // The licenses of what is bundled into the command line.
  expect(paths).toContain("dist/cli/licenses/apache-arrow/NOTICE.txt");
  expect(paths).toContain("dist/cli/licenses/commander/LICENSE");
  const folders = new Set(
    paths.filter((path) => path.includes("/")).map((path) => path.split("/")[0]),
  );
  for (const folder of ["dist", "docs", "nix", "prebuilds", "share", "third_party"])
    folders.delete(folder);
  expect([...folders]).toEqual([]);
  expect(paths.filter((path) => /\.([ch]pp|[ch]|map)$|(?<!\.d)\.ts$/.test(path))).toEqual([]);
});
