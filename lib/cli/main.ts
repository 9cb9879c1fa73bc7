#!/usr/bin/env node
// The command line. Scripts call patchelf thousands of times, and a find is answered in less time
// than it takes to load what parses all other commands: these two go past it.

const [command, ...words] = process.argv.slice(2);

if (command === "patchelf") {
  const { patchelf } = await import("../patchelf/run.js");
  process.exitCode = await patchelf(words);
} else if (command !== "find" || !(await findAtOnce())) {
  await import("./program.js");
}

async function findAtOnce(): Promise<boolean> {
  // What it will ask for, at once: the files are read while others are compiled.
  const [find] = await Promise.all([
    import("./find.js"),
    import("../store/context.js"),
    import("../report/find.js"),
  ]);
  return find.findAtOnce(words);
}
