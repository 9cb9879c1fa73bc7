// What starting a program through the stand-in loader costs, beside starting the real loader.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, compileProgram } from "./compile.mjs";
import { median } from "./measure.mjs";
import { printRows } from "./table.mjs";

const startsInARound = 200;
const systems = {
  x64: "x86_64",
  ia32: "i686",
  arm64: "aarch64",
  riscv64: "riscv64",
  arm: "armv7l",
};

export const scenarios = [
  {
    name: "stand-in",
    title: "Starting a program through the stand-in loader",
    run: ({ rounds, scratch }) => measureStarts(rounds, scratch),
  },
];

function measureStarts(rounds, scratch) {
  const shipped = `../prebuilds/fixelf-ld/${systems[process.arch]}-linux/fixelf-ld`;
  const standIn = fileURLToPath(new URL(shipped, import.meta.url));
  if (!existsSync(standIn)) return ["the stand-in loader: npm run build:shim"];

  const libraries = join(scratch, "libraries");
  mkdirSync(libraries);
  const starts = join(scratch, "starts");
  compileProgram("start/starts.cpp", starts);
  const link = (name, ...options) => {
    const program = join(scratch, name);
    compile("cc", ["-O2", "-x", "c", "-", "-o", program, ...options], "int main(void) {}");
    return program;
  };
  const usual = link("usual");
  const dump = execFileSync("readelf", ["-W", "-l", usual], { encoding: "utf8" });
  const loader = /interpreter: (.*)\]/.exec(dump)[1];
  const through = link("through", `-Wl,--dynamic-linker=${standIn}`);

  const contestants = [
    { name: "the real loader", command: usual },
    {
      name: "the stand-in, no directory",
      command: `NIX_LD=${loader},NIX_LD_LIBRARY_PATH=,${through}`,
      beside: 0,
    },
    {
      name: "the real loader, LD_LIBRARY_PATH",
      command: `LD_LIBRARY_PATH=${libraries},${usual}`,
    },
    {
      name: "the stand-in, NIX_LD_LIBRARY_PATH",
      command: `NIX_LD=${loader},NIX_LD_LIBRARY_PATH=${libraries},${through}`,
      beside: 2,
    },
  ];
  const commands = contestants.map(({ command }) => command);
  const measure = (times) =>
    execFileSync(starts, [String(times), ...commands], { encoding: "utf8", maxBuffer: 1 << 28 })
      .trim()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
  measure(20); // warms caches, and counts for nothing
  const turns = measure(rounds * startsInARound);
  // Of each contestant there are two numbers: how long it took, and for how long it was busy.
  const figure = (take) => median(turns.map(take));
  const compared = (index, beside, of) => [
    figure((turn) => turn[2 * index + of]).toFixed(0),
    beside === undefined
      ? ""
      : figure((turn) => turn[2 * index + of] - turn[2 * beside + of]).toFixed(0),
    beside === undefined
      ? ""
      : figure((turn) => turn[2 * index + of] / turn[2 * beside + of]).toFixed(2),
  ];
  printRows([
    ["", "µs", "added µs", "×", "busy µs", "added µs", "×"],
    ...contestants.map(({ name, beside }, index) => [
      name,
      ...compared(index, beside, 0),
      ...compared(index, beside, 1),
    ]),
  ]);
  return [];
}
