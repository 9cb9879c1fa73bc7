// fixelf inspect: what each file says about itself.
import type { Command } from "commander";
import { joined, line } from "../report/shown.js";
import { asError, exitCodeOf, explain, run, sentence, worst } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    program
      .command("inspect")
      .description("show the headers, needed libraries and versions of ELF files")
      .argument("<file...>", "ELF files"),
    "fixelf inspect ./python3.12",
  ).action((paths: string[], flags: SharedFlags) =>
    run(flags, async ({ colors, print, say }) => {
      const [{ inspect }, { factsText }] = await Promise.all([
        import("../file/inspect.js"),
        import("../report/facts.js"),
      ]);
      const options = commonOptions(flags);
      const answers = await Promise.all(
        paths.map(async (path) => {
          try {
            return { path, facts: await inspect(path, options) };
          } catch (failure) {
            return { path, error: asError(failure) };
          }
        }),
      );
      const files = answers.map(({ path, facts, error }) =>
        error ? { path, error: { code: error.code, message: sentence(error) } } : facts,
      );
      print("inspect", { files }, () =>
        joined(
          answers.flatMap(({ facts }) => (facts ? [factsText(facts, colors)] : [])),
          "\n\n",
        ),
      );
      const failures = answers.flatMap(({ error }) => error ?? []);
      if (!flags.json) for (const error of failures) say(line`fixelf: ${explain(error)}`);
      return worst(failures.map(({ code }) => exitCodeOf(code)));
    }),
  );
}
