// The command line. Scripts call patchelf thousands of times, and a find or a doctor is answered in less time than it
// takes to load the parser for all other commands: these bypass it. (No top-level await: the package ships CommonJS,
// which Node starts sooner; see rolldown.config.mjs.)
import { givenWords } from "../base/process.js";
import { readAtOnce } from "./at_once.js";

const [command, ...words] = givenWords();

const failed = 2; // exitCodes.failure, without loading its module

// A run that never finishes must not count as a success.
process.once("beforeExit", setFailed);
start()
  .catch(async (failure: unknown) => {
    setFailed();
    const { FixelfError } = await import("../base/errors.js");
    if (FixelfError.is(failure)) (await import("./command.js")).tell(failure, false);
    else console.error(failure);
  })
  .finally(() => process.off("beforeExit", setFailed));

function setFailed(): void {
  process.exitCode = failed;
}

async function start(): Promise<void> {
  if (command === "patchelf") {
    const { native } = await import("../addon/native.js");
    process.exitCode = native.runPatchelf(words);
  } else if (!(await answerAtOnce())) {
    await (await import("./program.js")).runCommand();
  }
}

async function answerAtOnce(): Promise<boolean> {
  if (command !== "find" && command !== "doctor") return false;
  const asked = readAtOnce(words, command === "doctor");
  if (asked === null) return false;
  const { operands, flags } = asked;
  if (command === "doctor") await (await import("./examine.js")).examine(operands, flags);
  else await (await import("./look_up.js")).lookUp(operands, flags);
  return true;
}
