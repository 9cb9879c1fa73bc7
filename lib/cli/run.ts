// fixelf run: runs a program now, without touching its file.
import { type Command, Option } from "commander";
import type { FixelfErrorCode } from "../base/errors.js";
import { type RunOptions, type Way, ways } from "../run/start.js";
import { type ChoiceFlags, choiceOptions, withChoices } from "./choice.js";
import { exitCodeOf, exitCodes, type Output, run } from "./command.js";
import { type GetFlags, withGet } from "./get.js";
import { repeated, withShared } from "./options.js";
import { isTerminal } from "./terminal.js";

interface RunFlags extends ChoiceFlags, GetFlags {
  how?: Way;
  with?: string[];
  fhs?: boolean;
  dryRun?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

export function define(program: Command): void {
  withShared(
    withGet(
      withChoices(
        program
          .command("run")
          .description("run a program without changing its file")
          .argument("<file>", "a program or script; without a slash, it is looked up in PATH")
          .argument("[args...]", "arguments of the program; options after FILE belong to it")
          .passThroughOptions()
          .addOption(new Option("--how <way>", "use only this method").choices(ways))
          .option(
            "--with <path>",
            "files or directories that it will load or start (repeatable)",
            repeated,
          )
          .option(
            "--fhs",
            "provide what other distributions have: /bin/bash, certificates, locales",
          ),
      ),
    )
      .option("--dry-run", "show how it would be run without running it")
      .option("--verbose", "explain how it is run, even without a terminal")
      .option("--quiet", "do not explain how it is run, nor name what is left out"),
    "fixelf run ./python3.12 script.py",
    // The program's own output would be mixed with it.
    "print how it would be run as JSON, without running it",
  ).action((file: string, given: string[], flags: RunFlags) =>
    run(flags, start(file, given, flags), codeOf),
  );
}

/** As shells do, POSIX "Exit Status for Commands": 127 if it does not exist, 126 if it cannot be run. */
function codeOf(code: FixelfErrorCode): number {
  const own: FixelfErrorCode[] = ["usage", "cancelled", "no-space"];
  if (own.includes(code)) return exitCodeOf(code);
  return code === "not-found" ? exitCodes.notFound : exitCodes.notRun;
}

function start(file: string, given: string[], flags: RunFlags) {
  return async (output: Output): Promise<number> => {
    const { inheritedDescriptors } = await import("../run/inherited.js");
    // This program's modules have been read and closed again by now.
    const inherited = inheritedDescriptors();
    const [{ planRun }, { become }] = await Promise.all([
      import("../run/plan.js"),
      import("../run/start.js"),
    ]);
    if (flags.get && !(await getFor(file, flags, output))) return exitCodes.notRun;
    const plan = await planRun(file, given[0] === "--" ? given.slice(1) : given, runOptions(flags));
    const { runText, unservedText } = await import("../report/run.js");
    if (flags.dryRun || flags.json) {
      const { how, why, passedOver, unserved, limits, variables } = plan;
      const document = { path: file, how, why, passedOver, unserved, limits, variables };
      output.print("run", document, () => runText(plan, true));
      return exitCodes.good;
    }
    // Streams pass through: if stderr is not a terminal, only what is missing is reported.
    if (flags.verbose) {
      output.say(runText(plan, true));
    } else if (!flags.quiet) {
      if (plan.how !== "as-is" && isTerminal(2)) output.say(runText(plan, false));
      if (plan.unserved.length > 0) output.say(unservedText(plan));
    }
    return become(plan, inherited);
  };
}

/** Fetches what the program lacks; false if the user declines. */
async function getFor(file: string, flags: RunFlags, output: Output): Promise<boolean> {
  const [{ missingFor }, { Getting }] = await Promise.all([
    import("../run/needs.js"),
    import("./getting.js"),
  ]);
  const look = () => missingFor(file, runOptions(flags));
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once("SIGINT", interrupt);
  try {
    const getting = new Getting(flags, output, interruption.signal);
    const answer = await getting.until(await look(), (missing) => missing, look);
    if (isTerminal(2)) getting.sayWhatKeeps();
    return answer !== null;
  } finally {
    // From here on, the program handles the signal.
    process.off("SIGINT", interrupt);
  }
}

function runOptions(flags: RunFlags): RunOptions {
  const { root: _, ...options } = choiceOptions(flags);
  return {
    ...options,
    ...(flags.how !== undefined && { how: flags.how }),
    ...(flags.with !== undefined && { with: flags.with }),
    ...(flags.fhs !== undefined && { fhs: flags.fhs }),
  };
}
