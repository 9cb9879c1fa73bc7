// Measures how fast fixelf searches inside a large file, compared with reading the same bytes and
// with grep and strings. How to read the output: benchmarks/README.md.
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { loadNative } from "./contestants.mjs";
import { Material } from "./material.mjs";
import { median, pairedRatio } from "./measure.mjs";
import { printRows } from "./table.mjs";

const leastSize = 300e6;
const store = "/nix/store";
const alphabet = "0123456789abcdfghijklmnpqrsvwxyz";
const pattern =
  `${store}/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+._?=-]+` +
  "|[0-9a-zA-Z+._/@~=?-]*ld(-linux|-musl-|64)?[0-9a-zA-Z_-]*\\.so\\.[0-9]+" +
  "|lib[0-9a-zA-Z+._@~-]+\\.so(\\.[0-9]+)*";

export const scenarios = [
  { name: "search", title: "Search inside a large file", run: measureSearch },
];

async function measureSearch({ rounds, scratch: parent }) {
  const scratch = mkdtempSync(join(parent, "search-"));
  try {
    const program = Material.largestProgram().originals[0];
    const { file, planted } = makeFile(program, scratch);
    const floor = buildFloor(scratch);
    const size = `${(statSync(file).size / 1e6).toFixed(0)} MB`;
    console.log(`${size}: copies of ${program}, with ${planted.size} store paths between them\n`);
    const contestants = [
      ["floor: read the mapped bytes", () => readMapped(floor, file, "mapped")],
      ["map, then read", () => readMapped(floor, file, "first")],
      ["fixelf, in process", () => fixelf(file, planted)],
      ["grep -aobE", () => shell(`grep -aobE '${pattern}' "$1"`, file, planted)],
      ["strings | grep -oE", () => shell(`strings -a "$1" | grep -oE '${pattern}'`, file, planted)],
    ].map(([name, run]) => ({ name, run, turns: [] }));
    // The first round warms caches and is not counted.
    for (let round = 0; round <= rounds; ++round) {
      for (const { run, turns } of round % 2 === 0 ? contestants : contestants.toReversed()) {
        const milliseconds = await run();
        if (round > 0) turns.push({ milliseconds });
      }
    }
    print(contestants, statSync(file).size);
    return [];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function makeFile(program, scratch) {
  const file = join(scratch, "large");
  const planted = new Set();
  writeFileSync(file, "");
  const bytes = readFileSync(program);
  do {
    appendFileSync(file, bytes);
    const paths = Array.from({ length: 100 }, (_, index) => storePath(planted.size + index));
    for (const path of paths) planted.add(path);
    appendFileSync(file, `\0${paths.join("\0")}\0`);
  } while (statSync(file).size < leastSize);
  return { file, planted };
}

function storePath(number) {
  let hash = "";
  for (let index = 0; index < 32; ++index) hash += alphabet[(number * 7 + index * 11) % 32];
  return `${store}/${hash}-package-${number}`;
}

/** The least that looks at every byte: one OR each, with as many threads as processors. */
function buildFloor(scratch) {
  const source = join(scratch, "floor.cpp");
  const program = join(scratch, "floor");
  writeFileSync(
    source,
    `#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

typedef uint64_t Words __attribute__((vector_size(32), aligned(8)));

static uint64_t readAll(const uint8_t* bytes, size_t size) {
  Words all[4] = {};
  for (size_t at = 0; at + 128 <= size; at += 128)
    for (int part = 0; part < 4; ++part) all[part] |= *(const Words*)(bytes + at + 32 * part);
  Words one = all[0] | all[1] | all[2] | all[3];
  return one[0] | one[1] | one[2] | one[3];
}

int main(int, char** argv) {
  const int file = open(argv[1], O_RDONLY);
  struct stat state;
  fstat(file, &state);
  const size_t size = state.st_size;
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
  std::vector<uint64_t> results(threads);
  const auto pass = [&](const uint8_t* bytes) {
    std::vector<std::thread> pool;
    const size_t share = size / threads / 4096 * 4096;
    for (unsigned index = 0; index < threads; ++index)
      pool.emplace_back([&, index] { results[index] = readAll(bytes + index * share, share); });
    for (auto& thread : pool) thread.join();
  };
  const auto map = [&] {
    return (const uint8_t*)mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  };
  const bool mapped = !strcmp(argv[2], "mapped");
  const uint8_t* bytes = nullptr;
  if (mapped) {
    bytes = map();
    pass(bytes);
  }
  const auto start = std::chrono::steady_clock::now();
  if (!mapped) bytes = map();
  pass(bytes);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  uint64_t result = 0;
  for (const uint64_t one : results) result |= one;
  printf("%f %d\\n", took.count(), (int)(result & 1));
}
`,
  );
  const native = process.arch === "x64" ? ["-mavx2"] : [];
  execFileSync("g++", ["-std=c++20", "-O2", "-w", ...native, source, "-o", program, "-pthread"]);
  return program;
}

function readMapped(program, file, how) {
  return Number.parseFloat(execFileSync(program, [file, how], { encoding: "utf8" }));
}

async function fixelf(file, planted) {
  const native = await loadNative();
  const start = performance.now();
  const { mentions } = await native.search(file, { store, hashes: "" });
  const milliseconds = performance.now() - start;
  const found = mentions.filter(({ kind }) => kind === "store-path").map(({ text }) => text);
  check("fixelf", found, planted);
  return milliseconds;
}

function shell(command, file, planted) {
  const start = performance.now();
  const { stdout } = spawnSync("sh", ["-c", command, "sh", file], {
    encoding: "latin1",
    maxBuffer: 1 << 30,
    env: { ...process.env, LC_ALL: "C" },
  });
  const milliseconds = performance.now() - start;
  check(command, stdout.match(new RegExp(`${store}/[a-z0-9]{32}-[^\\s]+`, "g")) ?? [], planted);
  return milliseconds;
}

/** A contestant that didn't find what was planted has no time to show. */
function check(name, found, planted) {
  const missing = [...planted].filter((path) => !new Set(found).has(path));
  if (missing.length > 0) throw new Error(`${name} did not find ${missing.length} store paths`);
}

function print(contestants, size) {
  const floor = contestants[0].turns;
  const ours = contestants[2].turns;
  const rows = contestants.map(({ name, turns }) => {
    const milliseconds = median(turns.map((turn) => turn.milliseconds));
    return [
      name,
      milliseconds.toFixed(1),
      (size / milliseconds / 1e6).toFixed(2),
      pairedRatio(turns, floor).toFixed(2),
      pairedRatio(turns, ours).toFixed(2),
    ];
  });
  printRows([["", "ms", "GB/s", "× floor", "× fixelf"], ...rows], {
    turns: Object.fromEntries(contestants.map(({ name, turns }) => [name, turns])),
    targets: [{ row: "fixelf, in process", column: "× floor", atMost: 1.3 }],
  });
}
