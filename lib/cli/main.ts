#!/usr/bin/env node
// The command line. Scripts call patchelf thousands of times, so that one command goes past what
// parses all others.

if (process.argv[2] === "patchelf") {
  const { patchelf } = await import("../patchelf/run.js");
  process.exitCode = await patchelf(process.argv.slice(3));
} else {
  await import("./program.js");
}
