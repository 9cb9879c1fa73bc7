// The patchelfs to compare with: the installed one, and Debian trixie's, which is fetched and
// unpacked but never installed.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));
const home = join(repository, "node_modules/.cache/fixelf-benchmarks");
const unpacked = join(home, "trixie");
const architecture = { x64: "amd64", arm64: "arm64" }[process.arch];

fetchTrixie();

/** Each as { name, command }: the program to start, and the words before its own arguments. */
export const patchelfs = [
  { name: "patchelf", command: installedCommand() },
  { name: "patchelf of trixie", command: trixieCommand() },
]
  .map((peer) => ({ ...peer, version: peer.command && versionOf(peer.command) }))
  .filter(({ version }) => version !== null)
  .map(({ name, command, version }) => ({ name: `${name} ${version}`, command }));

/** Returns what was not available. */
export function missingPeers() {
  return ["patchelf", "patchelf of trixie"].filter(
    (name) => !patchelfs.some((peer) => peer.name.replace(/ [\d.]+$/, "") === name),
  );
}

/** If it is not available, it is left out and named. */
function fetchTrixie() {
  if (existsSync(unpacked) || architecture === undefined) return;
  mkdirSync(home, { recursive: true });
  const packages = ["patchelf", "libc6", "libstdc++6", "libgcc-s1"];
  const lines = packages.map((name) => `trixie ${architecture} ${name}\n`).join("");
  const { status, error } = spawnSync(
    join(repository, "test/world/recipe/fetch-debian-packages"),
    [join(home, "packages")],
    { input: lines, stdio: ["pipe", "ignore", "ignore"] },
  );
  if (error || status !== 0) return;
  const folder = join(home, "packages/trixie", architecture);
  try {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
      execFileSync("dpkg-deb", ["--extract", join(folder, file), unpacked]);
    }
  } catch (error) {
    rmSync(unpacked, { recursive: true, force: true });
    throw error;
  }
}

/** Its full path, since nothing else searches PATH. */
function installedCommand() {
  const folders = (process.env.PATH ?? "").split(":");
  const path = folders.map((folder) => join(folder, "patchelf")).find((each) => existsSync(each));
  return path === undefined ? null : [path];
}

/** With its own loader and libraries: its glibc is newer than most machines'. */
function trixieCommand() {
  const triplet = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch];
  const libraries = join(unpacked, "usr/lib", triplet ?? "");
  const names = existsSync(libraries) ? readdirSync(libraries) : [];
  const loader = names.find((name) => /^ld-linux.*\.so\.\d$/.test(name));
  if (loader === undefined) return null;
  return [join(libraries, loader), "--library-path", libraries, join(unpacked, "usr/bin/patchelf")];
}

function versionOf([program, ...args]) {
  const { stdout, status } = spawnSync(program, [...args, "--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim().replace(/^patchelf /, "") : null;
}
