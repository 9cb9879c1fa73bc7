// fixelf-patchelf beside patchelf, as whole processes on one file.
import { spawnSync } from "node:child_process";
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./compile.mjs";
import { median } from "./measure.mjs";
import { patchelfs } from "./peers.mjs";
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

/** Bytes of data in the programs that are changed, beside some 16 KB, and turns in a round. */
const sizes = [
  { bytes: 1, turns: 20 },
  { bytes: 1 << 20, turns: 10 },
  { bytes: 1 << 25, turns: 2 },
];
const gigabyte = [{ bytes: 1 << 30, turns: 1 }];

export const scenarios = [
  {
    name: "patchelf",
    title: "fixelf-patchelf beside patchelf: the start, and what is printed",
    run: ({ rounds, scratch }) => measure(scratch, [{ bytes: 1, turns: 20 }], rounds, asking),
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
  if (patchelfs.length === 0) return ["patchelf, which is not installed"];
  const rows = materials.flatMap(({ bytes, turns }) => {
    const program = join(scratch, `program-${bytes}`);
    compile(
      "cc",
      ["-x", "c", "-", "-o", program],
      `char data[${bytes}] = {1}; int main(void) { return data[0] - 1; }`,
    );
    return work(program, bytes, rounds * turns, scratch);
  });
  printRows([["", "data MB", "ms", "its ms", "×", "peak MB", "its MB"], ...rows]);
  return [];
}

function asking(program, bytes, turns) {
  return patchelfs.flatMap((peer) =>
    questions.map((question) => {
      const words = question === "--version" ? [question] : [question, program];
      return row(
        `${question}, ${peer.name}`,
        bytes,
        turns,
        [() => timed([ours, ...words]), () => timed([...peer.command, ...words])],
        [peak([ours, ...words]), peak([...peer.command, ...words])],
      );
    }),
  );
}

function changing(program, bytes, turns, scratch) {
  const copy = join(scratch, "copy");
  const fresh = (act) => () => {
    copyFileSync(program, copy);
    return act();
  };
  return patchelfs.flatMap((peer) =>
    changes.flatMap((change) => {
      const by = (command) => [...command, ...change, copy];
      const peaks = [ours, peer.command].map((command) =>
        fresh(() => peak(by([command].flat())))(),
      );
      return [false, true].map((flushed) =>
        row(
          `${change[0]}, ${peer.name}${flushed ? ", then flush" : ""}`,
          bytes,
          turns,
          [
            fresh(() => timed(by([ours]))),
            fresh(() => timed(by(peer.command), flushed ? copy : null)),
          ],
          peaks,
        ),
      );
    }),
  );
}

/** Of two turns that are taken one after the other, and in the other order each second time. */
function row(name, bytes, turns, [mine, its], peaks) {
  const pairs = Array.from({ length: turns + 1 }, (_, turn) => {
    if (turn % 2 === 0) return [mine(), its()];
    const second = its();
    return [mine(), second];
  }).slice(1); // the first warms caches
  const figure = (take) => median(pairs.map(take)).toFixed(2);
  return [
    name,
    megabytes(bytes),
    figure(([one]) => one),
    figure(([, other]) => other),
    figure(([one, other]) => one / other),
    ...peaks.map((kilobytes) => (kilobytes === null ? "?" : megabytes(kilobytes * 1024))),
  ];
}

/** Milliseconds, from the call to the end of the process, or until the file is on the disk. */
function timed([program, ...words], toFlush = null) {
  const before = performance.now();
  const { error, status } = spawnSync(program, words, { stdio: "ignore" });
  if (toFlush !== null) {
    const file = openSync(toFlush, "r");
    fsyncSync(file);
    closeSync(file);
  }
  const taken = performance.now() - before;
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${words.join(" ")} failed`);
  return taken;
}

function peak(command) {
  if (!existsSync(timer)) return null;
  const { stderr } = spawnSync(timer, ["-q", "-f", "%M", ...command], { encoding: "utf8" });
  return Number(stderr.trim().split("\n").at(-1));
}
