// nix-index's database: how long the first pass over it takes, compared with `zstd -dc | wc -c`, and a later look-up.
// The database is generated, the same each time, and all answers are compared with those of an independent reader.
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, pairedRatio } from "./measure.mjs";
import { printRows } from "./table.mjs";

const rows = 1_500_000;
const library = new URL("../out/lib/", import.meta.url);
const self = fileURLToPath(import.meta.url);

export const scenarios = [
  { name: "nix-index", title: "nix-index's database", run: measureNixIndex },
];

/** Prints the table; returns what was left out. */
async function measureNixIndex({ rounds, scratch }) {
  if (spawnSync("zstd", ["--version"]).error) return ["nix-index's database, for want of zstd"];
  for (const kind of ["of all files", "of programs only"]) await measure(kind, rounds, scratch);
  return [];
}

async function measure(kind, rounds, scratch) {
  const directory = join(scratch, `nix-index ${kind}`);
  mkdirSync(directory);
  const content = join(directory, "content");
  generate(content, kind === "of programs only");
  const found = readIndependently(readFileSync(content));
  if (found.rows !== rows) throw new Error(`${found.rows} rows`);
  const { size } = statSync(content);
  const stream = compress(directory, content);
  console.log(
    `${kind}: ${rows} rows, ${(size / 1e6).toFixed(0)} MB in ${(statSync(stream).size / 1e6).toFixed(1)} MB, ` +
      `${[...found.libraries.values()].flat().length} libraries`,
  );
  const turns = { zstd: [], pass: [], look: [] };
  const peaks = [];
  // The first round warms caches, and verifies the answers.
  for (let round = 0; round <= rounds; round++) {
    const environment = { XDG_CACHE_HOME: join(directory, `cache-${round}`) };
    const both = [() => decompress(stream, size), () => read(directory, environment, found, round)];
    const [zstd, ours] =
      round % 2 === 0
        ? both.map((run) => run())
        : both
            .toReversed()
            .map((run) => run())
            .toReversed();
    rmSync(environment.XDG_CACHE_HOME, { recursive: true });
    if (round === 0) continue;
    turns.zstd.push({ milliseconds: zstd });
    turns.pass.push({ milliseconds: ours.pass });
    turns.look.push({ milliseconds: ours.look });
    peaks.push(ours.peak);
  }
  const millisecondsOf = (name) => median(turns[name].map(({ milliseconds }) => milliseconds));
  printRows(
    [
      ["", "ms", "× floor", "peak MB"],
      ["floor: zstd -dc | wc -c", millisecondsOf("zstd").toFixed(0), "1.00", ""],
      [
        "first pass",
        millisecondsOf("pass").toFixed(0),
        pairedRatio(turns.pass, turns.zstd).toFixed(2),
        (median(peaks) / 1024).toFixed(0),
      ],
      ["a look-up", millisecondsOf("look").toFixed(3), "", ""],
    ],
    {
      title: kind,
      turns: {
        "floor: zstd -dc | wc -c": turns.zstd,
        "first pass": turns.pass,
        "a look-up": turns.look,
      },
      targets: [
        { row: "first pass", column: "× floor", atMost: 1.5 },
        { row: "first pass", column: "peak MB", atMost: 150 },
        { row: "a look-up", column: "ms", atMost: 2 },
      ],
    },
  );
}

function decompress(stream, size) {
  const start = performance.now();
  const counted = execFileSync("sh", ["-c", 'zstd -dc <"$1" | wc -c', "sh", stream]);
  const milliseconds = performance.now() - start;
  if (Number(counted) !== size) throw new Error(`zstd gave ${counted} bytes`);
  return milliseconds;
}

/** In a process of its own; in the first round all answers are compared. */
function read(directory, environment, { libraries, isOfPrograms, programs }, round) {
  const all = [...libraries.keys(), ...programs];
  const names = round === 0 ? all : all.slice(0, 1000);
  const { status, stdout, stderr } = spawnSync(process.execPath, [self, "read"], {
    input: JSON.stringify(names),
    encoding: "utf8",
    maxBuffer: 1 << 30,
    env: { ...process.env, ...environment, NIX_INDEX_DATABASE: directory },
  });
  if (status !== 0) throw new Error(stderr);
  const { answers, about, ...figures } = JSON.parse(stdout);
  if (about.isOfPrograms !== isOfPrograms) throw new Error(`${about.path} is of other files`);
  for (const [index, name] of names.entries()) {
    const expected = (libraries.get(name) ?? []).toSorted().join();
    if (answers[index].toSorted().join() !== expected)
      throw new Error(`${name}: ${answers[index]} and not ${expected}`);
  }
  return figures;
}

async function readHere() {
  const names = JSON.parse(readFileSync(0, "utf8"));
  const { NixIndex } = await import(new URL("store/nixpkgs/nix_index.js", library));
  const start = performance.now();
  const index = await NixIndex.open();
  const pass = performance.now() - start;
  // Not resourceUsage().maxRSS, which starts from the parent's memory, since fork copies it.
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  const before = performance.now();
  const answers = names.map((name) =>
    index.packages(name).map(({ attribute, output }) => `${attribute}.${output}`),
  );
  const look = (performance.now() - before) / Math.max(names.length, 1);
  process.stdout.write(JSON.stringify({ pass, look, peak, answers, about: index.about }));
}

/**
 * The content of a database, read in a straightforward way: packages by soname, and some programs, which are not
 * libraries.
 */
function readIndependently(content) {
  const libraries = new Map();
  const programs = [];
  let isOfPrograms = true;
  let rows = 0;
  let path = "";
  let shared = 0;
  let own = [];
  for (let at = 0; at < content.length; ) {
    const nul = content.indexOf(0, at);
    const what = content.latin1Slice(at, nul);
    const isWide = content[nul + 1] === 0x80;
    shared += isWide ? content.readInt16BE(nul + 2) : content.readInt8(nul + 1);
    const end = content.indexOf(10, nul + 1 + (isWide ? 3 : 1));
    path = path.slice(0, shared) + content.latin1Slice(nul + (isWide ? 4 : 2), end);
    at = end + 1;
    if (what === "p") {
      const { attr, output } = JSON.parse(path).origin;
      for (const soname of own)
        libraries.set(soname, [...(libraries.get(soname) ?? []), `${attr}.${output}`]);
      own = [];
      continue;
    }
    rows++;
    isOfPrograms &&= path.startsWith("/bin/");
    if (programs.length < 1000 && path.startsWith("/bin/")) programs.push(path.slice(5));
    const soname = /^\/lib\/(lib[^/]*\.so[^/]*)$/.exec(path)?.[1];
    if (soname !== undefined && !what.endsWith("d")) own.push(soname);
  }
  return { libraries, programs, isOfPrograms, rows };
}

/** In the format of nix-index's src/frcode.rs; about a tenth of the files are libraries. */
function generate(content, ofPrograms) {
  const output = openSync(content, "w");
  let state = 7;
  const below = (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  const word = () =>
    Array.from({ length: 3 + below(7) }, () => "aeioubcdfglmnprstz"[below(18)]).join("");
  let text = "";
  const flush = (least) => {
    if (text.length < least) return;
    writeSync(output, text, null, "latin1");
    text = "";
  };
  const hash = () =>
    Array.from({ length: 32 }, () => "0123456789abcdfghijklmnpqrsvwxyz"[below(32)]).join("");
  for (let count = 0, packages = 0; count < rows; packages++) {
    const stem = word();
    const attribute = `${below(5) === 0 ? "set." : ""}${stem}-${packages}`;
    const paths = [];
    const most = Math.min(1 + below(120), rows - count);
    for (let index = 0; index < most; index++) {
      if (ofPrograms) paths.push(`/bin/${stem}-${index}`);
      else if (below(10) === 0) paths.push(`/lib/lib${stem}${index}.so.${below(9)}`);
      else paths.push(`/share/doc/${stem}/${word()}/${word()}-${index}.html`);
    }
    count += paths.length;
    let last = "";
    let shared = 0;
    for (const path of paths.sort()) {
      let same = 0;
      while (same < last.length && path[same] === last[same]) same++;
      // No path here is so long that a difference would take two bytes.
      text += `${below(99999)}r\0${String.fromCharCode((same - shared) & 0xff)}${path.slice(same)}\n`;
      [last, shared] = [path, same];
    }
    const origin = { attr: attribute, output: "out", toplevel: true, system: "x86_64-linux" };
    const json = { store_dir: "/nix/store", hash: hash(), name: `${stem}-1.${below(99)}`, origin };
    text += `p\0${String.fromCharCode(-shared & 0xff)}${JSON.stringify(json)}\n`;
    flush(1 << 20);
  }
  flush(0);
  closeSync(output);
}

/** Makes the database from its content; returns only the compressed part. */
function compress(directory, content) {
  const stream = join(directory, "stream.zst");
  execFileSync("zstd", ["-q", "-19", "-T0", content, "-o", stream]);
  const file = openSync(join(directory, "files"), "w");
  writeSync(file, Buffer.from("NIXI\x01\0\0\0\0\0\0\0"));
  writeSync(file, readFileSync(stream));
  closeSync(file);
  rmSync(content);
  return stream;
}

if (process.argv[1] === self && process.argv[2] === "read") await readHere();
