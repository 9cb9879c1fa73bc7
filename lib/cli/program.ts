// All commands but patchelf. Nothing that is slow to load is imported before a command runs.
import { Command, CommanderError } from "commander";
import { packageVersion } from "../addon/package_directory.js";
import { FixelfError } from "../base/errors.js";
import { givenWords } from "../base/process.js";
import { writeFully } from "../base/write_fully.js";
import { printable } from "../report/text.js";
import { define as autoPatchelf, autoPatchelf as runAutoPatchelf } from "./auto_patchelf.js";
import { define as closure } from "./closure.js";
import { exitCodes, tell } from "./command.js";
import { define as doctor } from "./doctor.js";
import { define as env } from "./env.js";
import { define as find } from "./find.js";
import { define as fix } from "./fix.js";
import { define as index } from "./index.js";
import { define as inspect } from "./inspect.js";
import { define as list } from "./list.js";
import { define as loaders } from "./loaders.js";
import { define as patchelf } from "./patchelf.js";
import { define as path } from "./path.js";
import { define as prune } from "./prune.js";
import { define as refs } from "./refs.js";
import { define as runProgram } from "./run.js";
import { define as scan } from "./scan.js";
import { define as tree } from "./tree.js";
import { define as undo } from "./undo.js";
import { define as watch } from "./watch.js";

const wantsJson = givenWords().includes("--json");

const program = new Command("fixelf")
  .description("Run Linux programs on NixOS that were built outside Nix")
  .version(packageVersion())
  .exitOverride()
  // After FILE, all options of `run` are the program's.
  .enablePositionalOptions()
  .configureOutput({
    writeOut: (text) => writeFully(1, text),
    writeErr: (text) => {
      // With --json, the document on stdout reports it.
      if (!wantsJson) writeFully(2, text);
    },
    outputError: (text, write) =>
      write(`${safe(text.trimEnd()).replace(/^error: /, "fixelf: ")}\n`),
  })
  .showHelpAfterError("Try: fixelf --help")
  .addHelpText(
    "after",
    "\nExample:\n  $ fixelf doctor ./python3.12\n  $ fixelf fix ./python3.12\n  $ fixelf undo ./python3.12\n" +
      "\nExit codes: 0 success; 1 findings, or something could not be fixed; 2 wrong usage or failure.",
  );

for (const define of [
  doctor,
  fix,
  undo,
  list,
  prune,
  watch,
  inspect,
  scan,
  tree,
  loaders,
  find,
  index,
  refs,
  closure,
  env,
  runProgram,
  patchelf,
  autoPatchelf,
  path,
])
  define(program);

/** Commander's message may contain a word from the command line; only the hint after it is a line of its own. */
function safe(text: string): string {
  return text.split("\n(Did you mean ").map(printable).join("\n(Did you mean ");
}

/** Runs the command that this process was started for; sets its exit code. */
export async function runCommand(): Promise<void> {
  try {
    const [command, ...words] = givenWords();
    if (command === "auto-patchelf") process.exitCode = await runAutoPatchelf(words);
    else await program.parseAsync(givenWords(), { from: "user" });
  } catch (failure) {
    if (FixelfError.is(failure)) {
      process.exitCode = tell(failure, wantsJson);
      return;
    }
    if (!(failure instanceof CommanderError)) throw failure;
    process.exitCode = failure.exitCode === 0 ? exitCodes.good : exitCodes.failure;
    if (wantsJson && failure.exitCode !== 0)
      tell(new FixelfError("usage", failure.message.replace(/^error: /, "")), true);
  }
}
