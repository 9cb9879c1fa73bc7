#!/usr/bin/env node
// Builds the stand-in loader, native/shim, for every machine whose compiler is here, into
// prebuilds/fixelf-ld/, from where it is shipped. With --all, a missing compiler is a failure.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = dirname(dirname(fileURLToPath(import.meta.url)));

/** By their names in Nix, without "-linux"; `node` is Node's name for the machine. */
const machines = [
  { name: "x86_64", node: "x64", triplet: "x86_64-linux-gnu" },
  { name: "i686", node: "ia32", triplet: "i686-linux-gnu" },
  { name: "aarch64", node: "arm64", triplet: "aarch64-linux-gnu" },
  { name: "riscv64", node: "riscv64", triplet: "riscv64-linux-gnu" },
  { name: "armv7l", node: "arm", triplet: "arm-linux-gnueabihf" },
];

const leftOut = [];
for (const machine of machines) {
  const toolchain = findToolchain(machine);
  if (toolchain) build(machine.name, toolchain);
  else leftOut.push(`${machine.name}-linux (no ${machine.triplet}-g++)`);
}
if (leftOut.length > 0) console.error(`The stand-in loader is not built for ${leftOut.join(", ")}`);
if (process.argv.includes("--all") && leftOut.length > 0) process.exitCode = 1;

/** What CMake has to be told; null where there is no compiler. */
function findToolchain({ node, name, triplet }) {
  // This machine's compiler is whatever builds the rest too.
  if (node === process.arch) return [];
  if (!isOnPath(`${triplet}-g++`)) return null;
  return [
    "-DCMAKE_SYSTEM_NAME=Linux",
    `-DCMAKE_SYSTEM_PROCESSOR=${name}`,
    `-DCMAKE_CXX_COMPILER=${triplet}-g++`,
    `-DCMAKE_ASM_COMPILER=${triplet}-gcc`,
  ];
}

function build(name, toolchain) {
  const directory = join(checkout, "out/shim", `${name}-linux`);
  const generator = isOnPath("ninja") ? ["-G", "Ninja"] : [];
  cmake(
    ...["-S", join(checkout, "native/shim"), "-B", directory, ...generator, ...toolchain],
    `-DFIXELF_SHIM_MACHINE=${name}`,
  );
  cmake("--build", directory);
  const shipped = join(checkout, "prebuilds/fixelf-ld", `${name}-linux`);
  mkdirSync(shipped, { recursive: true });
  copyFileSync(join(directory, "fixelf-ld"), join(shipped, "fixelf-ld"));
}

function cmake(...args) {
  const { error, status, stdout } = spawnSync("cmake", args, {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (error) throw error;
  if (status === 0) return;
  process.stderr.write(stdout);
  process.exit(1);
}

function isOnPath(command) {
  return spawnSync("sh", ["-c", 'command -v "$1"', "sh", command]).status === 0;
}
