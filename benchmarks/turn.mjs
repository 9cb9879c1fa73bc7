// One turn of one contestant, in a process of its own, so that its memory and its writes are its
// own. It gets its task on standard input, and answers on standard output, in JSON.
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

/** The kernel counts the pages dirtied by this process and by the ones that it has waited for. */
function bytesWritten() {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))[1]);
}

/** Not resourceUsage().maxRSS, which starts from the parent's memory, since fork copies it. */
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
