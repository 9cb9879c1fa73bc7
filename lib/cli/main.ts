#!/usr/bin/env node
// The command line. Scripts call patchelf thousands of times, and a find or a doctor is answered in
// less time than it takes to load what parses all other commands: these go past it.
import { readAtOnce } from "./at_once.js";

const [command, ...words] = process.argv.slice(2);

if (command === "patchelf") {
  const { patchelf } = await import("../patchelf/run.js");
  process.exitCode = await patchelf(words);
} else if (!(await answerAtOnce())) {
  await import("./program.js");
}

async function answerAtOnce(): Promise<boolean> {
  if (command !== "find" && command !== "doctor") return false;
  const asked = readAtOnce(words);
  if (asked === null) return false;
  const { operands, flags } = asked;
  if (command === "doctor") {
    await (await import("./examine.js")).examine(operands, flags);
    return true;
  }
  // What it will ask for, at once: the files are read while others are compiled.
  const [{ find }] = await Promise.all([
    import("./find.js"),
    import("../store/context.js"),
    import("../report/find.js"),
  ]);
  await find(operands, flags);
  return true;
}
