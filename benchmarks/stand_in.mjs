// The cost of starting a program through the stand-in loader, compared with starting it through the
// real loader.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./compile.mjs";
import { median } from "./measure.mjs";
import { measureStarts } from "./starts.mjs";
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
    run: ({ rounds, scratch }) => measureStandIn(rounds, scratch),
  },
];

function measureStandIn(rounds, scratch) {
  const shipped = `../prebuilds/fixelf-ld/${systems[process.arch]}-linux/fixelf-ld`;
  const standIn = fileURLToPath(new URL(shipped, import.meta.url));
  if (!existsSync(standIn)) return ["the stand-in loader: npm run build:shim"];

  const libraries = join(scratch, "libraries");
  mkdirSync(libraries);
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
    { name: "the real loader", words: [usual] },
    {
      name: "the stand-in, no directory",
      variables: { NIX_LD: loader, NIX_LD_LIBRARY_PATH: "" },
      words: [through],
      beside: 0,
    },
    {
      name: "the real loader, LD_LIBRARY_PATH",
      variables: { LD_LIBRARY_PATH: libraries },
      words: [usual],
    },
    {
      name: "the stand-in, NIX_LD_LIBRARY_PATH",
      variables: { NIX_LD: loader, NIX_LD_LIBRARY_PATH: libraries },
      words: [through],
      beside: 2,
    },
  ];
  const results = measureStarts(contestants, { scratch, times: rounds * startsInARound });
  const microseconds = (index, of) => results[index].map((turn) => turn[of] * 1000);
  const compared = (index, beside, of) => {
    const own = microseconds(index, of);
    if (beside === undefined) return [median(own).toFixed(0), "", ""];
    const other = microseconds(beside, of);
    return [
      median(own).toFixed(0),
      median(own.map((taken, turn) => taken - other[turn])).toFixed(0),
      median(own.map((taken, turn) => taken / other[turn])).toFixed(2),
    ];
  };
  printRows(
    [
      ["", "µs", "added µs", "×", "busy µs", "added busy µs", "× busy"],
      ...contestants.map(({ name, beside }, index) => [
        name,
        ...compared(index, beside, "milliseconds"),
        ...compared(index, beside, "busyMilliseconds"),
      ]),
    ],
    {
      turns: Object.fromEntries(contestants.map(({ name }, index) => [name, results[index]])),
      targets: [{ row: /^the stand-in/, column: "added busy µs", atMost: 25 }],
    },
  );
  return [];
}
