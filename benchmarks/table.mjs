// The tables, and what must be known about the machine to read them.
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { median, pairedRatio } from "./measure.mjs";

/** What was printed since the program began, as data for benchmarks/page.mjs. */
export const tables = [];

export function describeMachine(scratch) {
  return {
    node: process.versions.node,
    linux: release(),
    processors: `${cpus().length} × ${cpus()[0].model}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    fileSystem: execFileSync("stat", ["-f", "-c", "%T", scratch], { encoding: "utf8" }).trim(),
    load: loadavg()[0].toFixed(1),
  };
}

export function printTable(material, results) {
  const floors = Object.fromEntries(
    results
      .filter(({ contestant }) => contestant.floor)
      .map(({ contestant, turns }) => [contestant.group, turns]),
  );
  // The first of them: the installed one, if there is one.
  const patchelf = results.find(({ contestant }) => /^patchelf/.test(contestant.name))?.turns;
  const rows = results.map(({ contestant, turns }) => {
    const peak = megabytes(median(turns.map(({ peakKilobytes }) => peakKilobytes)) * 1024);
    const isWork = contestant.group !== "node";
    if (!isWork) return [contestant.name, "", "", "", "", "", "", peak, "", ""];
    const times = turns.map(({ milliseconds }) => milliseconds);
    const seconds = median(times) / 1000;
    // patchelf rewrites the whole file, so its floor is the atomic one.
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
  printRows([[...head, "peak MB", "written MB", "growth kB"], ...rows], {
    turns: Object.fromEntries(results.map(({ contestant, turns }) => [contestant.name, turns])),
  });
}

function kilobytes(bytes) {
  return (bytes / 1e3).toFixed(1);
}

export function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

/**
 * Prints a table. The first row is the head; the first column is text, the others are figures.
 *
 * Other facts about it go to the page: its `title`; the `turns` of rows, by their names; the `size`, { count, unit,
 * series }, of what was worked on, where a series of tables shows how the cost grows; and its `targets`, each { row,
 * column, atMost }, which are printed too. `row` is a name, or a regular expression for several.
 */
export function printRows(
  [head, ...rows],
  { title = "", turns = {}, size = null, targets = [] } = {},
) {
  const verdicts = rows.map((row) => targets.flatMap((target) => verdictOn(row, head, target)));
  tables.push({
    title,
    size,
    head,
    rows: rows.map((cells, index) => ({
      cells,
      milliseconds: (turns[cells[0]] ?? []).map(({ milliseconds }) => milliseconds),
      targets: verdicts[index],
    })),
  });
  const isJudged = verdicts.some((each) => each.length > 0);
  const texts = verdicts.map((each) => each.map(describeVerdict).join(", "));
  const lines = [head, ...rows].map((row, index) =>
    isJudged ? [...row, index === 0 ? "to reach" : texts[index - 1]] : row,
  );
  const widths = lines[0].map((_, column) => Math.max(...lines.map((row) => row[column].length)));
  if (title) console.log(`\n${title}\n`);
  for (const row of lines) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    console.log(cells.join("  ").trimEnd());
  }
}

function verdictOn(row, head, { row: wanted, column, atMost }) {
  const isMeant = wanted instanceof RegExp ? wanted.test(row[0]) : wanted === row[0];
  const value = Number.parseFloat(row[head.indexOf(column)]);
  return isMeant && !Number.isNaN(value) ? [{ column, value, atMost, met: value <= atMost }] : [];
}

function describeVerdict({ column, atMost, met }) {
  return `${column} ≤ ${atMost}: ${met ? "met" : "missed"}`;
}
