// fixelf refs: what is named in the bytes of files.
import type { Command } from "commander";
import type { Documents } from "../report/documents.js";
import { line } from "../report/shown.js";
import type { References } from "../store/references.js";
import { asError, exitCodeOf, explain, run, sentence, untilInterrupted, worst } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    program
      .command("refs")
      .description("find store paths, interpreters and sonames in the bytes of files")
      .argument("<path...>", "files or directories to examine"),
    "fixelf refs ./result",
  ).action((paths: string[], flags: SharedFlags) =>
    run(flags, async ({ colors, print, say }) => {
      const [{ references }, { refsText }] = await Promise.all([
        import("../store/references.js"),
        import("../report/refs.js"),
      ]);
      const options = { ...commonOptions(flags), signal: untilInterrupted() };
      const documents: Documents["refs"]["paths"] = [];
      const answers: References[] = [];
      const errors = [];
      for (const path of paths) {
        try {
          const found = await references([path], options);
          answers.push(...found);
          documents.push(...found);
        } catch (failure) {
          const error = asError(failure);
          if (error.code === "cancelled") throw error;
          errors.push(error);
          documents.push({ path, error: { code: error.code, message: sentence(error) } });
        }
      }
      print("refs", { paths: documents }, () => refsText(answers, colors));
      const failures = answers.flatMap(({ failures }) => failures);
      const unlisted = answers.reduce((sum, { moreFailures }) => sum + moreFailures, 0);
      if (!flags.json) {
        for (const error of errors) say(line`fixelf: ${explain(error)}`);
        for (const { path, message } of failures) say(line`fixelf: ${path}: ${message}`);
        if (unlisted > 0) say(line`fixelf: ${unlisted} more could not be read`);
      }
      return worst([...errors, ...failures].map(({ code }) => exitCodeOf(code)));
    }),
  );
}
