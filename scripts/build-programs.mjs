#!/usr/bin/env node
// Builds the package's programs for every machine whose compiler is installed, into prebuilds/, from which they are
// shipped: ld (the stand-in loader) and patchelf, or those that are named. With --all, a missing compiler is an error.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = dirname(dirname(fileURLToPath(import.meta.url)));

/** By their names in Nix, without "-linux"; `node` is Node's name for the machine. */
const machines = [
  { name: "x86_64", node: "x64", triplet: "x86_64-linux-gnu", bits: 64 },
  { name: "i686", node: "ia32", triplet: "i686-linux-gnu", bits: 32 },
  { name: "aarch64", node: "arm64", triplet: "aarch64-linux-gnu", bits: 64 },
  { name: "riscv64", node: "riscv64", triplet: "riscv64-linux-gnu", bits: 64 },
  { name: "armv7l", node: "arm", triplet: "arm-linux-gnueabihf", bits: 32 },
];

const programs = {
  ld: {
    source: "native/shim",
    built: "out/shim",
    options: ({ name }) => [`-DFIXELF_SHIM_MACHINE=${name}`],
  },
  patchelf: {
    source: ".",
    built: "out/patchelf",
    // This machine's is beside the addon, whose build made it from the same files.
    here: "build/Release/fixelf-patchelf",
    // The core counts in 64 bits and compares before it converts. If size_t has 32, each of these conversions is a
    // warning (-Wconversion).
    options: ({ bits }) => [
      ...["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_UNITY_BUILD=ON", "-DFIXELF_TESTS=OFF"],
      ...(bits === 32 ? ["-DFIXELF_WERROR=OFF"] : []),
    ],
  },
};

const named = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const leftOut = [];
for (const machine of machines) {
  const toolchain = findToolchain(machine);
  if (toolchain === null) leftOut.push(`${machine.name}-linux (no ${machine.triplet}-g++)`);
  else
    for (const name of named.length > 0 ? named : Object.keys(programs))
      build(name, machine, toolchain);
}
if (leftOut.length > 0) console.error(`Programs are not built for ${leftOut.join(", ")}`);
if (process.argv.includes("--all") && leftOut.length > 0) process.exitCode = 1;

/** Options for CMake; null if there is no compiler. */
function findToolchain({ node, name, triplet }) {
  // This machine's compiler is the one that builds everything else.
  if (node === process.arch) return [];
  if (!isOnPath(`${triplet}-g++`)) return null;
  return [
    "-DCMAKE_SYSTEM_NAME=Linux",
    `-DCMAKE_SYSTEM_PROCESSOR=${name}`,
    `-DCMAKE_CXX_COMPILER=${triplet}-g++`,
    `-DCMAKE_ASM_COMPILER=${triplet}-gcc`,
  ];
}

function build(name, machine, toolchain) {
  const file = `fixelf-${name}`;
  const shipped = join(checkout, "prebuilds", file, `${machine.name}-linux`);
  mkdirSync(shipped, { recursive: true });
  const { source, built, here, options } = programs[name];
  if (here !== undefined && machine.node === process.arch) {
    copyFileSync(join(checkout, here), join(shipped, file));
    return;
  }
  const directory = join(checkout, built, `${machine.name}-linux`);
  const generator = isOnPath("ninja") ? ["-G", "Ninja"] : [];
  cmake(
    ...["-S", join(checkout, source), "-B", directory, ...generator, ...toolchain],
    ...options(machine),
  );
  cmake("--build", directory, "--target", file);
  copyFileSync(join(directory, file), join(shipped, file));
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
