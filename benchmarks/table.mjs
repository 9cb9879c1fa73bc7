// The table, and what must be known of the machine to read it.
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { median, pairedRatio } from "./measure.mjs";

export function describeMachine(scratch, rounds) {
  const fileSystem = execFileSync("stat", ["-f", "-c", "%T", scratch], { encoding: "utf8" }).trim();
  return [
    `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} × ${cpus()[0].model}`,
    `${scratch} is on ${fileSystem}; ${rounds} rounds, medians`,
  ].join("\n");
}

export function printTable(material, results) {
  const floors = Object.fromEntries(
    results
      .filter(({ contestant }) => contestant.floor)
      .map(({ contestant, turns }) => [contestant.group, turns]),
  );
  // The first of them: the one that is installed, if any is.
  const patchelf = results.find(({ contestant }) => /^patchelf/.test(contestant.name))?.turns;
  const rows = results.map(({ contestant, turns }) => {
    const peak = megabytes(median(turns.map(({ peakKilobytes }) => peakKilobytes)) * 1024);
    const isWork = contestant.group !== "node";
    if (!isWork) return [contestant.name, "", "", "", "", "", "", peak, "", ""];
    const times = turns.map(({ milliseconds }) => milliseconds);
    const seconds = median(times) / 1000;
    // What patchelf does is a rewriting of the whole file: the floor of that is the atomic one.
    const floor = floors[contestant.group] ?? floors.atomic;
    return [
      contestant.name,
      (seconds * 1000).toFixed(1),
      `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`,
      (material.originals.length / seconds).toFixed(1),
      (material.bytes / seconds / 1e6).toFixed(0),
      pairedRatio(turns, floor).toFixed(2),
      patchelf ? pairedRatio(turns, patchelf).toFixed(2) : "",
      turns[0].peakKilobytes === null ? "?" : peak,
      megabytes(median(turns.map(({ written }) => written))),
      turns[0].grown === null ? "" : kilobytes(median(turns.map(({ grown }) => grown))),
    ];
  });
  const head = ["", "ms", "from–to", "files/s", "MB/s", "× floor", "× patchelf"];
  printRows([[...head, "peak MB", "written MB", "growth kB"], ...rows]);
}

function kilobytes(bytes) {
  return (bytes / 1e3).toFixed(1);
}

export function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/** The first row is the head; the first column is text, the others are figures. */
export function printRows(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    console.log(cells.join("  ").trimEnd());
  }
}
