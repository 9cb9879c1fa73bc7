// Runs patchelf's own tests against patchelf and against fixelf-patchelf, and compares:
//
//   npm run test:patchelf -- DIRECTORY
//
// DIRECTORY is patchelf's source tree, which is copied and not changed. The copy is built as its README says
// (autoconf, automake, a C++ compiler), and its tests run by make. Exit code 1: one fails that patchelf passes.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
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
const tests = join(tree, "tests");
const program = join(tree, "src/patchelf");
// property-rewrite.sh tries the same edits of both.
const seed = 1;
const jobs = `-j${availableParallelism()}`;

function run(directory, command, ...args) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd: directory,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  return { status, says: stdout + stderr };
}

function demand(...words) {
  const { status, says } = run(tree, ...words);
  if (status !== 0) throw new Error(`${words.join(" ")} failed:\n${says}`);
}

/** PASS, FAIL or SKIP by the name of each test (automake, "Log files generation": .trs). */
function check() {
  // It fails where a test does. The variable is in the environment of the tests, too (GNU make manual,
  // "Communicating Variables to a Sub-make").
  const { says } = run(tests, "make", "check", jobs, `SEED=${seed}`);
  const results = new Map();
  for (const file of readdirSync(tests).filter((name) => name.endsWith(".trs"))) {
    const [, result] = /^:test-result: (\w+)/m.exec(readFileSync(join(tests, file), "utf8")) ?? [];
    results.set(basename(file, ".sh.trs"), result);
  }
  if (results.size === 0) throw new Error(`no test has run:\n${says}`);
  return results;
}

/** What a failed test printed last. */
function reason(name) {
  const lines = readFileSync(join(tests, `${name}.sh.log`), "utf8")
    .trim()
    .split("\n");
  return lines.slice(-6).map((line) => `    ${line}`);
}

try {
  cpSync(source, tree, { recursive: true, verbatimSymlinks: true });
  // Results of an earlier build would be taken for this one's.
  for (const name of readdirSync(tests)) if (/\.(trs|log)$/.test(name)) rmSync(join(tests, name));
  demand("./bootstrap.sh");
  demand("./configure");
  demand("make", jobs);
  const theirs = check();

  renameSync(program, `${program}-itself`);
  copyFileSync(native, program);
  const ours = check();

  const width = Math.max(...[...theirs.keys()].map((name) => name.length));
  const row = (...cells) =>
    console.log(`${cells[0].padEnd(width)}  ${cells[1].padEnd(8)}  ${cells[2]}`);
  row("", "patchelf", "fixelf-patchelf");
  for (const [name, result] of [...theirs].sort()) row(name, result, ours.get(name) ?? "none");
  const passed = (results) => [...results.values()].filter((result) => result === "PASS").length;
  row("pass", `${passed(theirs)}`, `${passed(ours)}`);

  const worse = [...theirs].filter(
    ([name, result]) => result === "PASS" && ours.get(name) !== "PASS",
  );
  for (const [name] of worse) console.log([`\n${name}:`, ...reason(name)].join("\n"));
  process.exitCode = worse.length > 0 ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
