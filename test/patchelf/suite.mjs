// Runs patchelf's own tests against patchelf and against fixelf-patchelf, and compares:
//
//   npm run test:patchelf -- DIRECTORY
//
// DIRECTORY is patchelf's source tree, which is copied and not changed. The copy is built as its README describes
// (autoconf, automake, a C++ compiler), and its tests are run by make. Those that this machine would skip are built by
// a cross compiler if there is one. Exit code 1: one fails that patchelf passes.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const [source] = process.argv.slice(2);
if (source === undefined) {
  console.error("usage: npm run test:patchelf -- DIRECTORY (patchelf's source tree)");
  process.exit(2);
}
const native = fileURLToPath(new URL("../../build/Release/fixelf-patchelf", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "fixelf-patchelf-"));
const tree = join(scratch, "patchelf");
const built = join(scratch, "built");
// property-rewrite.sh tries the same edits on both.
const seed = 1;
const jobs = `-j${availableParallelism()}`;

// short-first-segment.sh asks for FreeBSD's name of the machine; its program is one for Linux.
const tools = join(scratch, "tools");
const named =
  '#!/bin/sh\ncase "$1" in -m) echo amd64;; *) exec "$(command -pv uname)" "$@";; esac\n';

/** What is skipped on x86-64, or tests nothing there, and for which machine it is built instead. */
const crossed = [
  { host: "i686-linux-gnu", names: ["large-page-dynamic"] },
  {
    host: "mips-linux-gnu",
    names: ["remove-rld-map-rel", "set-rpath-rel-map"],
    // The program that starts the tested one.
    starter: "qemu-mips -L /usr/mips-linux-gnu",
  },
];

function run(directory, command, ...args) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd: directory,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, PATH: `${tools}:${process.env.PATH}` },
  });
  if (error) throw error;
  return { status, says: stdout + stderr };
}

const has = (command) =>
  spawnSync("sh", ["-c", 'command -v "$0" >/dev/null', command]).status === 0;

function demand(directory, ...words) {
  const { status, says } = run(directory, ...words);
  if (status !== 0) throw new Error(`${words.join(" ")} failed:\n${says}`);
}

/** PASS, FAIL or SKIP by the name of each test (automake, "Log files generation": .trs), and its last output. */
function check(directory, program, names) {
  const tests = join(directory, "tests");
  copyFileSync(program, join(directory, "src/patchelf"));
  for (const name of readdirSync(tests))
    if (/\.sh\.(trs|log)$/.test(name)) rmSync(join(tests, name));
  const wanted =
    names === undefined ? [] : [`TESTS=${names.map((name) => `${name}.sh`).join(" ")}`];
  // It fails if a test does. The variable is in the environment of the tests, too (GNU make manual,
  // "Communicating Variables to a Sub-make").
  const { says } = run(tests, "make", "check", jobs, `SEED=${seed}`, ...wanted);
  const results = new Map();
  for (const file of readdirSync(tests).filter((name) => name.endsWith(".sh.trs"))) {
    const [, result] = /^:test-result: (\w+)/m.exec(readFileSync(join(tests, file), "utf8")) ?? [];
    const name = basename(file, ".sh.trs");
    const log = readFileSync(join(tests, `${name}.sh.log`), "utf8");
    const reason = log.trim().split("\n").slice(-6);
    results.set(name, { result, reason: reason.map((line) => `    ${line}`) });
  }
  if (results.size === 0) throw new Error(`no test has run:\n${says}`);
  return results;
}

/** A tree whose test programs are for another machine; null if nothing here builds them. */
function treeFor({ host, names, starter }) {
  if (![`${host}-gcc`, ...(starter?.split(" ", 1) ?? [])].every(has)) return null;
  const directory = join(scratch, host);
  cpSync(tree, directory, { recursive: true, verbatimSymlinks: true });
  run(directory, "make", "distclean");
  demand(directory, "./configure", `--host=${host}`);
  if (starter === undefined) return directory;
  for (const name of names) {
    const script = join(directory, "tests", `${name}.sh`);
    const text = readFileSync(script, "utf8");
    writeFileSync(script, text.replaceAll("&& ./main", `&& ${starter} ./main`));
  }
  return directory;
}

try {
  mkdirSync(tools);
  writeFileSync(join(tools, "uname"), named);
  chmodSync(join(tools, "uname"), 0o755);
  cpSync(source, tree, { recursive: true, verbatimSymlinks: true });
  demand(tree, "./bootstrap.sh");
  demand(tree, "./configure");
  demand(tree, "make", jobs);
  renameSync(join(tree, "src/patchelf"), built);
  const theirs = check(tree, built);
  const ours = check(tree, native);
  for (const cross of crossed) {
    const directory = treeFor(cross);
    if (directory === null) continue;
    for (const [name, found] of check(directory, built, cross.names)) theirs.set(name, found);
    for (const [name, found] of check(directory, native, cross.names)) ours.set(name, found);
  }

  const width = Math.max(...[...theirs.keys()].map((name) => name.length));
  const row = (...cells) =>
    console.log(`${cells[0].padEnd(width)}  ${cells[1].padEnd(8)}  ${cells[2]}`);
  row("", "patchelf", "fixelf-patchelf");
  const resultOf = (results, name) => results.get(name)?.result ?? "none";
  for (const name of [...theirs.keys()].sort())
    row(name, resultOf(theirs, name), resultOf(ours, name));
  const passed = (results) =>
    [...results.values()].filter(({ result }) => result === "PASS").length;
  row("pass", `${passed(theirs)}`, `${passed(ours)}`);

  const worse = [...theirs.keys()].filter(
    (name) => resultOf(theirs, name) === "PASS" && resultOf(ours, name) !== "PASS",
  );
  for (const name of worse)
    console.log([`\n${name}:`, ...(ours.get(name)?.reason ?? [])].join("\n"));
  process.exitCode = worse.length > 0 ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
