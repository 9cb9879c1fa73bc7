// Fills dist/cli/code-cache with V8's compiled code for the command line's files, for the Node that runs this:
// lib/cli/code_cache.ts.
//
//     node scripts/build-code-cache.mjs
//
// V8 compiles a function when it is first called, so commands are run, each in a process of its own that starts with
// the code of those before it. They examine Node's own program, and whatever they keep is put into a directory that is
// removed afterwards.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CodeCache } from "../out/lib/cli/code_cache.js";

const commandLine = fileURLToPath(new URL("../dist/cli", import.meta.url));
const [, self, ...words] = process.argv;
if (words.length === 0) runEach();
else runAndSave();

function runEach() {
  const scratch = mkdtempSync(join(tmpdir(), "fixelf-code-cache-"));
  try {
    const env = { ...process.env, HOME: scratch, XDG_CACHE_HOME: scratch, XDG_STATE_HOME: scratch };
    const program = process.execPath;
    for (const command of [
      ["doctor", program],
      ["find", "--store", scratch, "libc.so.6"], // which an empty store does not have
      ...["table", "ndjson", "arrow", "parquet"].map((format) => [
        "scan",
        "--format",
        format,
        program,
      ]),
      ["fix", "--dry-run", program],
      ["closure", program],
      ["--help"],
    ]) {
      const { status, stderr } = spawnSync(program, [self, ...command], { env, encoding: "utf8" });
      // Exit code 1 is an answer, too.
      if (status !== 0 && status !== 1)
        throw new Error(`fixelf ${command.join(" ")} ended with ${status}:\n${stderr}`);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function runAndSave() {
  const cache = new CodeCache(join(commandLine, "code-cache"));
  process.on("exit", () => cache.save());
  const main = join(commandLine, "main.cjs");
  process.argv[1] = main;
  cache.load(join(commandLine, "chunks"), "main.cjs", createRequire(main));
}
