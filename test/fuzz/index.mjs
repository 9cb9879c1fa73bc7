// The index's files, damaged: the answer is the right one, or IndexDamage, after which it is
// rebuilt; never another answer, another error, or a long wait. The index is TypeScript, so this
// loop takes libFuzzer's place. What ends it is kept in out/fuzz/found.
//
//     node test/fuzz/index.mjs SECONDS
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { IndexDamage } from "../../out/lib/store/index/damage.js";
import { OwnDirectory } from "../../out/lib/store/index/own_directory.js";
import { IndexReader } from "../../out/lib/store/index/reader.js";
import { IndexWriter } from "../../out/lib/store/index/writer.js";

const checkout = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const seconds = Number(process.argv[2] ?? 20);
const memory = statSync("/dev/shm", { throwIfNoEntry: false }) ? "/dev/shm" : tmpdir();
const path = mkdtempSync(join(memory, "fixelf-fuzz-index-"));
process.on("exit", () => rmSync(path, { recursive: true, force: true }));

const place = { root: "", store: "/nix/store", system: "/run/current-system/sw" };
const storePath = (number) => `${String(number).padStart(32, "0")}-package-${number}`;

function content(number) {
  const names = [`lib${number % 7}.so`, `lib${number}.so.1`, "libcommon.so.2"];
  return {
    name: storePath(number),
    libraries: names.map((name) => ({ name, path: `lib/${name}`, real: `lib/${name}` })),
    elf: names.map((name) => ({
      path: `lib/${name}`,
      entry: BigInt(number),
      soname: name,
      needed: ["libc.so.6", `lib${number + 1}.so.1`],
      runpath: `/nix/store/${storePath(number + 1)}/lib`,
    })),
  };
}

const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

async function make(directory) {
  const writer = new IndexWriter(directory, () => {});
  const base = await writer.writeBase({ copied: [], read: range(0, 60).map(content) }, () =>
    Buffer.from(range(0, 60).map(storePath).join("\n")),
  );
  await writer.publish({ copied: [], read: range(60, 70).map(content) }, () => ({
    ...{ root: place.root, store: place.store, base },
    directory: { device: "1", inode: "2", modified: "3", changed: "4" },
    listed: "5",
    unsettled: [],
    collected: "5",
    dropped: [storePath(3), storePath(4)],
    recent: range(60, 70).map((number) => [storePath(number), `${number}`]),
  }));
  return base;
}

const questions = [
  (reader) => [...reader.named("libcommon.so.2")],
  (reader) => [...reader.named("lib3.so")],
  (reader) => [...reader.named("none.so")],
  (reader) => [...reader.names("lib1")],
  (reader) => [...reader.allFacts()],
  (reader) => reader.facts(storePath(65), "lib/lib65.so.1"),
  (reader) => reader.known().toString("latin1"),
  (reader) => reader.state,
];

const plain = (answer) =>
  JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? `${value}n` : value));

function ask(directory, question) {
  const reader = IndexReader.open(directory, place);
  if (reader === null) throw new Error("the index is not there");
  try {
    return plain(question(reader));
  } finally {
    reader.close();
  }
}

// A generator of its own, so that a run can be repeated: mulberry32.
let state = Number(process.env.FIXELF_FUZZ_SEED ?? Date.now()) >>> 0;
const seed = state;
function below(count) {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
}

function damaged(bytes) {
  let copy = Buffer.from(bytes);
  for (let times = 1 + below(4); times > 0; times--) {
    if (copy.length < 2) break;
    // The trailer and the footer decide most, and are at the end.
    const at =
      below(3) === 0 ? below(copy.length) : copy.length - 1 - below(Math.min(copy.length, 64));
    const length = Math.min(1 + below(32), copy.length - at);
    const kind = below(7);
    if (kind === 0) copy[at] ^= 1 << below(8);
    else if (kind === 1) copy[at] = below(256);
    else if (kind === 2) copy.fill([0, 255, 32, 48][below(4)], at, at + length);
    else if (kind === 3) copy = copy.subarray(0, at);
    else if (kind === 4) copy = Buffer.concat([copy, Buffer.alloc(length, below(256))]);
    else if (kind === 5) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    else copy.copyWithin(at, below(copy.length), copy.length);
  }
  return copy;
}

const directory = OwnDirectory.make(path);
const base = await make(directory);
const files = [base, "manifest"];
const whole = new Map(files.map((name) => [name, readFileSync(join(path, name))]));
const right = questions.map((question) => ask(directory, question));

let executions = 0;
let damages = 0;
function fail(why, name, bytes) {
  const found = join(checkout, "out", "fuzz", "found");
  mkdirSync(found, { recursive: true });
  const file = join(found, `index-${name.replace(/-.*/, "")}-${seed}`);
  writeFileSync(file, bytes);
  console.log(`${why}\nseed ${seed}, execution ${executions}; ${file}`);
  process.exit(1);
}

const end = Date.now() + seconds * 1000;
while (Date.now() < end) {
  const name = files[below(files.length)];
  const bytes = damaged(whole.get(name));
  writeFileSync(join(path, name), bytes, { mode: 0o600 });
  const number = below(questions.length);
  const before = process.cpuUsage();
  executions++;
  try {
    const answer = ask(directory, questions[number]);
    if (answer !== right[number]) fail(`another answer to question ${number}`, name, bytes);
  } catch (failure) {
    if (!(failure instanceof IndexDamage)) fail(failure.stack, name, bytes);
    damages++;
  }
  const { user, system } = process.cpuUsage(before);
  if (user + system > 1_000_000) fail("it took more than a second of processor time", name, bytes);
  writeFileSync(join(path, name), whole.get(name), { mode: 0o600 });
}
// In libFuzzer's words, for run.mjs.
console.log(
  `${damages} times the damage was seen, ${executions - damages} times the answer was right`,
);
console.log(`stat::number_of_executed_units: ${executions}`);
console.log(`stat::peak_rss_mb: ${Math.round(process.resourceUsage().maxRSS / 1024)}`);
