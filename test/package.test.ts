import { once } from "node:events";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { execa } from "execa";
import { expect, test } from "vitest";
import { native } from "../lib/native.js";
import packageManifest from "../package.json" with { type: "json" };

const packageDirectory = resolve(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const addonPath: string = require("node-gyp-build").path(packageDirectory);

test("the addon was built from this version of the package", () => {
  expect(native.version()).toBe(packageManifest.version);
});

test("the addon exports what Node looks up and nothing else", async () => {
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

test("the package holds what runs and not what it is made from", async () => {
  // Without --ignore-scripts npm would run `prepare` and build everything under the tests' feet.
  const { stdout } = await execa("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: packageDirectory,
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);

  expect(paths).toContain("dist/native.js");
  expect(paths).toContain("dist/native.d.ts");
  expect(paths).toContain("LICENSE");
  const folders = new Set(
    paths.filter((path) => path.includes("/")).map((path) => path.split("/")[0]),
  );
  for (const folder of ["dist", "docs", "nix", "prebuilds", "share", "third_party"])
    folders.delete(folder);
  expect([...folders]).toEqual([]);
  expect(paths.filter((path) => /\.([ch]pp|[ch]|map)$|(?<!\.d)\.ts$/.test(path))).toEqual([]);
});
