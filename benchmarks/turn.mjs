// One contestant's one turn, in a process of its own, so that its memory and its writing are its
// own. It is told on standard input what to do, and answers on standard output, in JSON.
import { readFileSync, statSync } from "node:fs";
import { contestants, loadNative } from "./contestants.mjs";

const { name, files, edits, scratch } = JSON.parse(readFileSync(0, "utf8"));
const contestant = contestants.find((candidate) => candidate.name === name);
const turn = { files, edits, scratch };
turn.prepared = await contestant.prepare?.(turn);

const sizeBefore = sizeOfAll();
const writtenBefore = bytesWritten();
const start = performance.now();
const ofPrograms = await contestant.run(turn);
const milliseconds = performance.now() - start;
const written = bytesWritten() - writtenBefore;
const peakKilobytes = ofPrograms === undefined ? ownPeak() : ofPrograms;

const grown = contestant.fixes ? (sizeOfAll() - sizeBefore) / files.length : null;
if (contestant.fixes) await checkFixed();
console.log(JSON.stringify({ milliseconds, written, peakKilobytes, grown }));

function sizeOfAll() {
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

/** The kernel counts what dirties pages, of this process and of the ones that it has waited for. */
function bytesWritten() {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))[1]);
}

/** Not resourceUsage().maxRSS: that begins with the parent's memory, which fork copies. */
function ownPeak() {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
}

/** A contestant that didn't do the work has no time to show. */
async function checkFixed() {
  const native = await loadNative();
  for (const file of files) {
    const { interpreter, runpath } = await native.inspect(file);
    const asked = edits.interpreter ?? interpreter;
    if (runpath !== edits.searchPath.value || interpreter !== asked) {
      throw new Error(`${name} left ${file} with the RUNPATH ${runpath} and ${interpreter}`);
    }
  }
}
