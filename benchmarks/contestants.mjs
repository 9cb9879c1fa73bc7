// Who takes part. A turn runs in a process of its own (turn.mjs): `prepare` is not timed, `run` is.
//
// Each gets { files, edits, scratch } and, from its own `prepare`, `prepared`. What `run` answers is
// the peak memory in kilobytes of the programs that it started, null where nobody could tell, or
// nothing where the work was done in the turn's own process.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

const timer = "/usr/bin/time";
const hasTimer = existsSync(timer);

/** @type {{ name: string, group: string, tool?: string, fixes?: boolean, floor?: boolean }[]} */
export const contestants = [
  { name: "Node alone", group: "node", run: () => {} },
  {
    name: "plain copy (no flush)",
    group: "atomic",
    run: ({ files, scratch }) => command("cp", ["--reflink=auto", "-t", scratch, "--", ...files]),
  },
  {
    name: "floor: copy, flush, rename",
    group: "atomic",
    floor: true,
    run(turn) {
      const { files, scratch } = turn;
      const peak = command("cp", ["--reflink=auto", "--preserve", "-t", scratch, "--", ...files]);
      flush(files.map((file) => join(scratch, basename(file))));
      for (const file of files) renameSync(join(scratch, basename(file)), file);
      flushDirectories(files);
      return peak;
    },
  },
  { name: "fixelf atomic", group: "atomic", fixes: true, prepare: loadNative, run: fixWith(false) },
  {
    name: "floor: write the bytes, flush",
    group: "in place",
    floor: true,
    prepare: planBytes,
    run({ files, prepared }) {
      for (const [index, path] of files.entries()) {
        const file = openSync(path, "r+");
        for (const { offset, bytes } of prepared[index].ranges) {
          writeSync(file, bytes, 0, bytes.length, offset);
        }
        closeSync(file);
      }
      flush(files);
    },
  },
  {
    name: "fixelf in place",
    group: "in place",
    fixes: true,
    prepare: loadNative,
    run: fixWith(true),
  },
  {
    name: "patchelf, a process a file",
    group: "patchelf",
    tool: "patchelf",
    fixes: true,
    run: patchelf,
  },
  {
    name: "patchelf, then flush",
    group: "patchelf",
    tool: "patchelf",
    fixes: true,
    run(turn) {
      const peak = patchelf(turn);
      flush(turn.files);
      return peak;
    },
  },
].filter(({ tool }) => tool === undefined || isInstalled(tool));

/** What would have been measured, had it been there. */
export function missingTools() {
  const missing = [];
  if (!isInstalled("patchelf")) missing.push("patchelf, which is not installed");
  if (!hasTimer) missing.push(`the memory of other programs, for want of ${timer}`);
  return missing;
}

export async function loadNative() {
  const { native } = await import("../dist/native.js");
  return native;
}

async function planBytes({ files, edits }) {
  const native = await loadNative();
  return Promise.all(files.map((file) => native.layOut(file, edits)));
}

/** As lib/fix does it: all layouts, then one call that writes them all, with undo records. */
function fixWith(inPlace) {
  return async ({ files, edits, scratch, prepared: native }) => {
    const records = join(scratch, "records");
    mkdirSync(records);
    const layouts = await Promise.all(files.map((file) => native.layOut(file, edits)));
    const jobs = files.map((path, index) => ({
      path,
      output: path,
      layout: layouts[index],
      inPlace,
    }));
    const failure = (await native.apply(jobs, records)).find((answer) => answer !== null);
    if (failure) throw failure;
  };
}

function patchelf({ files, edits }) {
  const set = edits.interpreter ? ["--set-interpreter", edits.interpreter] : [];
  const each = ["-0", "-n", "1", "patchelf", ...set, "--set-rpath", edits.searchPath.value];
  return command("xargs", each, `${files.join("\0")}\0`);
}

/** fsync for one file, syncfs for many: what fixelf does too. */
function flush(files) {
  if (files.length > 1) {
    command("sync", ["-f", dirname(files[0])]);
    return;
  }
  const file = openSync(files[0], "r");
  fsyncSync(file);
  closeSync(file);
}

function flushDirectories(files) {
  flush([...new Set(files.map((file) => dirname(file)))]);
}

/** Runs a program and answers the most memory that it, or one that it started, ever held. */
function command(program, args, input = "") {
  const line = hasTimer ? [timer, "-q", "-f", "%M", program, ...args] : [program, ...args];
  const { status, stderr, error } = spawnSync(line[0], line.slice(1), { input, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return hasTimer ? Number(stderr.trim().split("\n").at(-1)) : null;
}

function isInstalled(tool) {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, tool)));
}
