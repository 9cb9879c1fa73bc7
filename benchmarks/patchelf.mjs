// fixelf-patchelf compared with patchelf and a small tool on LIEF, as whole processes on one file.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, compileProgram } from "./compile.mjs";
import { median, pairedRatio } from "./measure.mjs";
import { missingPeers, patchelfs } from "./peers.mjs";
import { measureStarts } from "./starts.mjs";
import { megabytes, printRows } from "./table.mjs";

const ours = fileURLToPath(new URL("../build/Release/fixelf-patchelf", import.meta.url));
const timer = "/usr/bin/time";
/** As long as Nix makes them: five store paths. */
const searchPath = Array.from(
  { length: 5 },
  (_, index) => `/nix/store/${"abcdefgh".repeat(4)}-package-${index}/lib`,
).join(":");
const questions = ["--version", "--print-interpreter", "--print-rpath", "--print-needed"];
const changes = [
  ["--set-rpath", searchPath],
  ["--set-interpreter", `${searchPath.split(":")[0]}/ld-linux-x86-64.so.2`],
];

/** Bytes of data in the programs that are changed, besides some 16 KB, and turns per round. */
const sizes = [
  { bytes: 1, turns: 40 },
  { bytes: 1 << 20, turns: 20 },
  { bytes: 1 << 25, turns: 4 },
];
/** LIEF 0.9 refuses a gigabyte, after a minute. */
const tooMuchForLief = 1 << 30;
const gigabyte = [{ bytes: 1 << 30, turns: 1 }];

export const scenarios = [
  {
    name: "patchelf",
    title: "fixelf-patchelf beside patchelf: the start, and what is printed",
    run: ({ rounds, scratch }) => measure(scratch, [{ bytes: 1, turns: 40 }], rounds, asking),
  },
  {
    name: "patchelf-set",
    title: "fixelf-patchelf beside patchelf: changes, each on a fresh copy",
    run: ({ rounds, scratch }) => measure(scratch, sizes, rounds, changing),
  },
  {
    name: "patchelf-set-gigabyte",
    title: "fixelf-patchelf beside patchelf: changes of a gigabyte",
    large: true,
    run: ({ rounds, scratch }) => measure(scratch, gigabyte, rounds, changing),
  },
];

function measure(scratch, materials, rounds, work) {
  if (!existsSync(ours)) return ["fixelf-patchelf: npm run build:native"];
  const lief = join(scratch, "lief");
  const hasLief = compileLief(lief);
  for (const { bytes, turns } of materials) {
    const program = join(scratch, `program-${bytes}`);
    compile(
      "cc",
      ["-x", "c", "-", "-o", program],
      `char data[${bytes}] = {1}; int main(void) { return data[0] - 1; }`,
    );
    const peers = [
      ...patchelfs,
      ...(hasLief && bytes < tooMuchForLief ? [{ name: "a tool on LIEF", command: [lief] }] : []),
    ];
    work({ program, peers, times: rounds * turns, scratch });
  }
  return [...missingPeers(), ...(hasLief ? [] : ["LIEF: it is not installed (liblief-dev)"])];
}

function compileLief(output) {
  try {
    compileProgram("patchelf/lief.cpp", output, "-lLIEF");
    return true;
  } catch {
    return false;
  }
}

function asking({ program, peers, times, scratch }) {
  for (const question of questions) {
    const words = question === "--version" ? [question] : [question, program];
    const contestants = [
      { name: "fixelf-patchelf", command: [ours] },
      ...peers.filter(({ name }) => name.startsWith("patchelf")),
    ].map((each) => ({ ...each, words: [...each.command, ...words] }));
    const results = measureStarts(contestants, { scratch, times });
    printRows(
      [
        ["", "ms", "from–to", "busy ms", "fixelf ÷ it", "peak MB"],
        ...contestants.map(({ name, words }, index) => [
          name,
          ...timeCells(results[index]),
          index === 0 ? "" : pairedRatio(results[0], results[index]).toFixed(2),
          peak(words),
        ]),
      ],
      {
        title: question,
        turns: turnsByName(contestants, results),
        targets: [
          { row: /^patchelf/, column: "fixelf ÷ it", atMost: 1 },
          { row: /^fixelf/, column: "peak MB", atMost: 4 },
        ],
      },
    );
  }
}

/** Each is compared with our variant that flushes as it does, and with the one that flushes. */
function changing({ program, peers, times, scratch }) {
  const copy = join(scratch, "copy");
  for (const [option, value] of changes) {
    const contestants = [
      { name: "fixelf-patchelf", command: [ours], flushed: true, isOurs: true },
      { name: "fixelf-patchelf --no-flush", command: [ours, "--no-flush"], isOurs: true },
      ...peers.flatMap((peer) => [
        peer,
        { ...peer, name: `${peer.name}, then flush`, flushed: true },
      ]),
    ].map((each) => ({ ...each, words: [...each.command, option, value, copy] }));
    const results = measureStarts(
      // A program that flushes by itself is run as it is.
      contestants.map(({ words, flushed, isOurs }) => ({ words, flushed: flushed && !isOurs })),
      { scratch, times, original: program, copy },
    );
    const { size } = statSync(program);
    printRows(
      [
        ["", "ms", "from–to", "busy ms", "fixelf ÷ it", "with flush", "peak MB", "growth kB"],
        ...contestants.map(({ name, words, flushed, isOurs }, index) => {
          const against = (other) => pairedRatio(results[other], results[index]).toFixed(2);
          copyFileSync(program, copy);
          const memory = peak(words);
          return [
            name,
            ...timeCells(results[index]),
            isOurs ? "" : against(flushed ? 0 : 1),
            isOurs ? "" : against(0),
            memory,
            ((statSync(copy).size - size) / 1e3).toFixed(1),
          ];
        }),
      ],
      {
        title: `${option}, ${megabytes(size)} MB`,
        turns: turnsByName(contestants, results),
        size: { count: size, unit: "bytes", series: `fixelf-patchelf ${option}` },
        targets: [
          { row: /^(?!fixelf)/, column: "fixelf ÷ it", atMost: 0.9 },
          { row: /^fixelf/, column: "peak MB", atMost: 4 },
        ],
      },
    );
  }
}

const turnsByName = (contestants, results) =>
  Object.fromEntries(contestants.map(({ name }, index) => [name, results[index]]));

function timeCells(turns) {
  const times = turns.map(({ milliseconds }) => milliseconds);
  return [
    median(times).toFixed(2),
    `${Math.min(...times).toFixed(1)}–${Math.max(...times).toFixed(1)}`,
    median(turns.map(({ busyMilliseconds }) => busyMilliseconds)).toFixed(2),
  ];
}

function peak(command) {
  if (!existsSync(timer)) return "?";
  const { stderr } = spawnSync(timer, ["-q", "-f", "%M", ...command], { encoding: "utf8" });
  return megabytes(Number(stderr.trim().split("\n").at(-1)) * 1024);
}
