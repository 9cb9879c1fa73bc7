// Facts against what readelf and eu-readelf say, for fuzzed files and for this machine's: what fixelf can read it reads
// as they do, or the difference has one of the reasons below.
//
//     node test/fuzz/differential.mjs [FILE or DIRECTORY…]
//
// Without arguments: the kept corpus, what runs have found since, and /usr/bin.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { native } from "../../out/lib/addon/native.js";

const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "fixelf-differential-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const tools = {
  readelf: ["--wide", "--file-header", "--segments", "--dynamic"],
  "eu-readelf": ["--file-header", "--program-headers", "--dynamic"],
};
const filesAtOnce = 40;

/** What a tool says about each file: the last of what it says twice, as loaders take it. */
function ask(tool, paths) {
  const said = new Map(paths.map((path) => [path, null]));
  // Two names at least, or the tool does not say which file it means.
  const { stdout, signal } = spawnSync(tool, [...tools[tool], "/dev/null", ...paths], {
    encoding: "latin1",
    env: { ...process.env, LC_ALL: "C" },
    maxBuffer: 2 ** 30,
  });
  if (signal !== null && paths.length > 1) {
    for (const path of paths) said.set(path, ask(tool, [path]).get(path));
    return said;
  }
  if (signal !== null) return said;
  let file;
  for (const line of stdout.split("\n")) {
    const path = /^(?:File: )?(\/.*?):?$/.exec(line)?.[1];
    if (said.has(path)) {
      file = { interpreter: null, soname: null, needed: [], rpath: null, runpath: null };
      said.set(path, file);
    } else if (file) {
      take(line, file);
    }
  }
  return said;
}

function take(line, file) {
  const interpreter = /\[Requesting program interpreter: (.*)\]$/.exec(line)?.[1];
  if (interpreter !== undefined) file.interpreter = interpreter;
  if (/\((?:NEEDED|SONAME|RPATH|RUNPATH)\) +0x[0-9a-f]+$/.test(line)) file.isUnnamed = true;
  const [, tag, name] =
    /\b(NEEDED|SONAME|RPATH|RUNPATH)\)? .*?: \[(.*)\](?: program interpreter)?$/.exec(line) ?? [];
  if (tag === "NEEDED") file.needed.push(name);
  else if (tag !== undefined) file[tag.toLowerCase()] = name;
  const entry = /Entry point address: +(?:0x)?([0-9a-f]+)$/.exec(line)?.[1];
  if (entry !== undefined) file.entry = BigInt(`0x${entry}`);
}

const names = ["interpreter", "soname", "rpath", "runpath"];

/** Names of control characters or other bytes than ASCII are not compared: each tool writes them its own way. */
function differences(ours, theirs) {
  const isOther = (one, other) => isPrintable(one) && one !== other;
  const different = names.filter((name) => isOther(ours[name], theirs[name]));
  const { length } = ours.needed;
  if (
    length !== theirs.needed.length ||
    ours.needed.some((one, at) => isOther(one, theirs.needed[at]))
  )
    different.push("needed");
  if (ours.entry !== theirs.entry) different.push("entry");
  return different;
}

/** The headers, read once more, to see what is odd about a file. */
function oddities(bytes) {
  const wide = bytes[4] === 2;
  const big = bytes[5] === 2;
  const number = (at, width) => {
    if (at + width > bytes.length) return 0n;
    if (width === 8) return big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at);
    return BigInt(big ? bytes.readUIntBE(at, width) : bytes.readUIntLE(at, width));
  };
  const word = wide ? 8 : 4;
  const table = Number(number(24 + word, word));
  const count = Number(number(24 + 3 * word + 8, 2));
  const size = wide ? 56 : 32;
  const segments = Array.from({ length: count }, (_, index) => {
    const at = table + index * size;
    return {
      type: Number(number(at, 4)),
      offset: Number(number(at + (wide ? 8 : 4), word)),
      fileSize: Number(number(at + (wide ? 32 : 16), word)),
    };
  });
  const dynamic = segments.filter(({ type }) => type === 2); // PT_DYNAMIC
  const [{ offset, fileSize } = { offset: 0, fileSize: 0 }] = dynamic;
  const entries = Math.min(Math.floor(fileSize / (2 * word)), bytes.length);
  const tags = Array.from({ length: entries }, (_, index) =>
    number(offset + index * 2 * word, word),
  );
  return {
    isTwofold: dynamic.length > 1 || segments.filter(({ type }) => type === 3).length > 1, // PT_INTERP
    isOpen: dynamic.length > 0 && !tags.includes(0n),
  };
}

/** The file without section headers. */
function withoutSections(bytes) {
  const copy = Buffer.from(bytes);
  const word = copy[4] === 2 ? 8 : 4;
  copy.fill(0, 24 + 2 * word, 24 + 3 * word);
  copy.fill(0, 24 + 3 * word + 10, 24 + 3 * word + 16);
  const path = join(scratch, "without-sections");
  writeFileSync(path, copy);
  return path;
}

/** Why a tool may say something different; null where nothing explains it. */
function reasonFor(tool, bytes, facts, said, different) {
  if (said === null) return "the tool says nothing of the file, or ends by a signal";
  if ([...names.map((name) => facts[name]), ...facts.needed].some((text) => text?.includes("\n")))
    return "a name has a line end, which ends the tool's line as well";
  if (said.isUnnamed)
    return "DT_STRTAB and DT_STRSZ leave the file, so the tool tells no names; loaders do not look at the size";
  const { isTwofold, isOpen } = oddities(bytes);
  if (isTwofold)
    return "two PT_DYNAMIC or PT_INTERP: loaders take the last, Linux the first interpreter";
  if (isOpen) return "PT_DYNAMIC ends before DT_NULL; loaders read on";
  // "(null)" is what printf(3) makes of a name that the tool has not found.
  const isNothing = (value) => [value ?? []].flat().every((text) => text === "(null)");
  if (tool === "eu-readelf" && different.every((name) => isNothing(said[name])))
    return "the tool leaves out what it does not find by section headers";
  const stripped = ask(tool, [withoutSections(bytes)])
    .values()
    .next().value;
  if (stripped !== null && differences(facts, stripped).length === 0)
    return "the tool uses section headers, which no loader reads";
  return null;
}

function isPrintable(text) {
  return text === null || /^[ -~]*$/.test(text);
}

function* filesIn(path) {
  const state = lstatSync(path, { throwIfNoEntry: false });
  if (state?.isFile()) yield path;
  if (!state?.isDirectory()) return;
  for (const name of readdirSync(path)) yield* filesIn(join(path, name));
}

const isElf = (path) => readFileSync(path).subarray(0, 4).toString("latin1") === "\x7fELF";
const given = process.argv.slice(2);
const out = join(here, "..", "..", "out", "fuzz");
// What a run of the fuzzer has just found depends on how fast the machine is: in CI all stays the same.
const found = process.env.CI ? [] : [join(out, "corpus", "facts")];
const places = given.length > 0 ? given : [join(here, "corpus", "facts"), ...found, "/usr/bin"];
const files = places.filter(existsSync).flatMap((place) => [...filesIn(place)].filter(isElf));

let compared = 0;
let refused = 0;
const reasons = new Map();
const unexplained = [];
for (let at = 0; at < files.length; at += filesAtOnce) {
  const some = files.slice(at, at + filesAtOnce);
  const said = Object.keys(tools).map((tool) => [tool, ask(tool, some)]);
  for (const path of some) {
    const facts = await native.inspect(path).catch(() => null);
    if (facts === null) {
      refused++;
      continue;
    }
    compared++;
    for (const [tool, answers] of said) {
      const answer = answers.get(path);
      const different = answer === null ? ["everything"] : differences(facts, answer);
      if (different.length === 0) continue;
      const reason = reasonFor(tool, readFileSync(path), facts, answer, different);
      const line = `${tool}: ${reason}`;
      if (reason !== null) reasons.set(line, (reasons.get(line) ?? 0) + 1);
      else unexplained.push({ path, tool, different, ours: facts, theirs: answer });
    }
  }
}

console.log(`${files.length} ELF files: ${compared} compared, ${refused} refused by fixelf`);
for (const [line, times] of [...reasons].sort((one, other) => other[1] - one[1]))
  console.log(`${String(times).padStart(6)} × ${line}`);
for (const { path, tool, different, ours, theirs } of unexplained) {
  console.log(`${path}: ${tool} differs without a known reason`);
  for (const name of different) console.log(`  ${name}: ${ours[name]} here, ${theirs[name]} there`);
}
process.exitCode = unexplained.length > 0 ? 1 : 0;
