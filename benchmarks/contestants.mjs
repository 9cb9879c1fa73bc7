// The contestants. A turn runs in a process of its own (turn.mjs): `prepare` is not timed, `run`
// is.
//
// Each gets { files, edits, scratch } and, from its own `prepare`, `prepared`. `run` returns the
// peak memory in kilobytes of the programs that it started, null where it could not be measured, or
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
import { fileURLToPath } from "node:url";
import { missingPeers, patchelfs } from "./peers.mjs";

const timer = "/usr/bin/time";
const hasTimer = existsSync(timer);

const nativePatchelf = fileURLToPath(new URL("../build/Release/fixelf-patchelf", import.meta.url));
const hasNativePatchelf = existsSync(nativePatchelf);

/**
 * `group` pairs contestants with their floor; `slow` ones sit out where a turn would take a minute.
 * @type {{ name: string, group: string, fixes?: boolean, floor?: boolean, slow?: boolean }[]}
 */
export const writers = [
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
        for (const { offset, bytes } of prepared[index]) {
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
    name: "fixelf in place, planned before",
    group: "in place",
    fixes: true,
    prepare: planJobs,
    run: ({ prepared }) => applyJobs(prepared),
  },
  ...(hasNativePatchelf
    ? [
        {
          name: "fixelf-patchelf",
          group: "patchelf",
          fixes: true,
          run: patchelfWith([nativePatchelf]),
        },
      ]
    : []),
  ...patchelfs.flatMap((peer) => [
    {
      name: peer.name,
      group: "patchelf",
      slow: true,
      fixes: true,
      run: patchelfWith(peer.command),
    },
    {
      name: `${peer.name}, then flush`,
      group: "patchelf",
      slow: true,
      fixes: true,
      run(turn) {
        const peak = patchelfWith(peer.command)(turn);
        flush(turn.files);
        return peak;
      },
    },
  ]),
];

const commandLine = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));
const hasPatchelfCommand = existsSync(commandLine);

/** Whole processes that look at one file; the least of them is a Node that does nothing. */
export const starters = [
  {
    name: "floor: node -e 0",
    group: "start",
    floor: true,
    run: () => command(process.execPath, ["-e", "0"]),
  },
  ...(hasPatchelfCommand
    ? [
        {
          name: "fixelf patchelf --print-rpath",
          group: "start",
          run: ({ files }) =>
            command(process.execPath, [commandLine, "patchelf", "--print-rpath", files[0]]),
        },
      ]
    : []),
  {
    name: "fixelf doctor",
    group: "start",
    // On material of this kind it reports that something is missing, which is not a failure.
    run: ({ files }) => command(process.execPath, [commandLine, "doctor", files[0]], "", [0, 1]),
  },
  ...(hasNativePatchelf
    ? [
        {
          name: "fixelf-patchelf --print-rpath",
          group: "start",
          run: ({ files }) => command(nativePatchelf, ["--print-rpath", files[0]]),
        },
      ]
    : []),
  ...patchelfs.map((peer) => ({
    name: `${peer.name} --print-rpath`,
    group: "start",
    run: ({ files }) =>
      command(peer.command[0], [...peer.command.slice(1), "--print-rpath", files[0]]),
  })),
];

export const contestants = [...writers, ...starters];

/** The tools that would have been measured, had they been installed. */
export function missingTools() {
  const missing = missingPeers().map((name) => `${name}, which is not here and can't be fetched`);
  if (!hasTimer) missing.push(`the memory of other programs, for want of ${timer}`);
  if (!hasNativePatchelf) missing.push("fixelf-patchelf, which this build has not");
  if (!hasPatchelfCommand) missing.push("fixelf patchelf, which this build has not");
  return missing;
}

export async function loadNative() {
  const { native } = await import("../out/lib/addon/native.js");
  return native;
}

/** As many bytes as fixelf would write, in the same places; their values do not affect the cost. */
async function planBytes({ files, edits }) {
  const native = await loadNative();
  const layouts = await Promise.all(files.map((file) => native.layOut(file, edits)));
  return layouts.map(({ ranges }) =>
    ranges.map(({ offset, size }) => ({ offset, bytes: Buffer.alloc(size, 1) })),
  );
}

/** Works as lib/fix does: all layouts, then one call that writes them all, with undo records. */
function fixWith(inPlace) {
  return async ({ files, edits, scratch, prepared: native }) =>
    applyJobs(await layOutAll({ native, files, edits, scratch, inPlace }));
}

async function planJobs(turn) {
  return layOutAll({ ...turn, native: await loadNative(), inPlace: true });
}

async function layOutAll({ native, files, edits, scratch, inPlace }) {
  const records = join(scratch, "records");
  mkdirSync(records);
  const layouts = await Promise.all(files.map((file) => native.layOut(file, edits)));
  const jobs = files.map((path, index) => ({
    path,
    output: path,
    layout: layouts[index],
    inPlace,
  }));
  return { native, records, jobs };
}

async function applyJobs({ native, records, jobs }) {
  const failure = (await native.apply(jobs, records)).find((answer) => answer !== null);
  if (failure) throw failure;
}

function patchelfWith(program) {
  return ({ files, edits }) => {
    const set = edits.interpreter ? ["--set-interpreter", edits.interpreter] : [];
    const each = ["-0", "-n", "1", ...program, ...set, "--set-rpath", edits.searchPath.value];
    return command("xargs", each, `${files.join("\0")}\0`);
  };
}

/** fsync for one file, syncfs for many, as fixelf does. */
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

/** Runs a program and returns the most memory that it, or any process it started, ever held. */
function command(program, args, input = "", good = [0]) {
  const line = hasTimer ? [timer, "-q", "-f", "%M", program, ...args] : [program, ...args];
  const { status, stderr, error } = spawnSync(line[0], line.slice(1), { input, encoding: "utf8" });
  if (error) throw error;
  if (!good.includes(status)) throw new Error(`${program} failed: ${stderr}`);
  return hasTimer ? Number(stderr.trim().split("\n").at(-1)) : null;
}
