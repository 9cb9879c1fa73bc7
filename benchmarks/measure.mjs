// Rounds, in each of which every contestant has one turn: other load on the machine affects all of
// them alike, and ratios are taken within a round. Every other round runs in reverse, so that no
// contestant always follows the one that left the disk busy.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const turnProgram = fileURLToPath(new URL("turn.mjs", import.meta.url));

let turnsTaken = 0;

/** Returns each contestant with its turns, in the order of the rounds. */
export async function measureRounds({ contestants, material, edits, rounds, scratch }) {
  const results = contestants.map((contestant) => ({ contestant, turns: [] }));
  // The first round warms caches and is not counted.
  for (let round = 0; round <= rounds; ++round) {
    for (const { contestant, turns } of round % 2 === 0 ? results : results.toReversed()) {
      const turn = takeTurn(contestant, material, edits, join(scratch, `turn-${++turnsTaken}`));
      if (round > 0) turns.push(turn);
      await setImmediate(); // lets signals be handled
    }
  }
  return results;
}

function takeTurn({ name }, material, edits, directory) {
  const scratch = join(directory, "scratch");
  const files = material.copyTo(join(directory, "files"));
  mkdirSync(scratch);
  const { status, stdout, stderr } = spawnSync(process.execPath, [turnProgram], {
    input: JSON.stringify({ name, files, edits, scratch }),
    encoding: "utf8",
  });
  empty(directory);
  if (status !== 0) throw new Error(`${name} failed:\n${stderr}`);
  return JSON.parse(stdout);
}

/**
 * Frees the space but removes no file: when ext4 looks for a free inode, it passes over recently
 * removed ones one by one, and a contestant that creates files in the next turn would pay for our
 * tidying.
 */
function empty(directory) {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) truncateSync(join(entry.parentPath ?? entry.path, entry.name), 0);
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** How many times as long as the other it took: the median over the rounds. */
export function pairedRatio(turns, others) {
  return median(turns.map((turn, round) => turn.milliseconds / others[round].milliseconds));
}
