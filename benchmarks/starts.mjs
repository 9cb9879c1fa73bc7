// Starts programs one after another through a small C++ program: Node would take longer to start one than it runs.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { compileProgram } from "./compile.mjs";

/**
 * Returns each command with its turns; the very first is not counted, since it warms caches. A command is { words,
 * variables?, flushed? }: a program by its path and its arguments, its whole environment, and whether the clock stops
 * only when `copy`, a new copy of `original` in each turn, is on the disk.
 */
export function measureStarts(commands, { scratch, times, original = "", copy = "" }) {
  const starts = join(scratch, "starts");
  compileProgram("start/starts.cpp", starts);
  const texts = commands.map(({ words, variables = {}, flushed = false }) =>
    [
      ...Object.entries(variables).map((pair) => pair.join("=")),
      ...(flushed ? ["flush"] : []),
      ...words,
    ].join("\t"),
  );
  const lines = execFileSync(starts, [String(times + 1), original, copy, ...texts], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  })
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(" ").map((microseconds) => Number(microseconds) / 1000));
  return commands.map((_, index) =>
    lines.map((line) => ({
      milliseconds: line[2 * index],
      busyMilliseconds: line[2 * index + 1],
    })),
  );
}
