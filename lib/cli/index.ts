// fixelf index: what is remembered about the store for next time.
import type { Command } from "commander";
import { line } from "../report/shown.js";
import { exitCodes, run } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";

interface IndexFlags extends SharedFlags {
  rebuild?: boolean;
  remove?: boolean;
}

export function define(program: Command): void {
  withShared(
    program
      .command("index")
      .description("update the index of the store and show what it contains")
      .option("--rebuild", "rebuild it from scratch")
      .option("--remove", "remove it"),
    "fixelf index --rebuild",
  ).action((flags: IndexFlags) =>
    run(flags, async ({ colors, print, say }) => {
      const [{ removeIndex, reportIndex }, { placeOf }, { indexText }] = await Promise.all([
        import("../store/index/report.js"),
        import("../store/place.js"),
        import("../report/index.js"),
      ]);
      const { onIndex, ...options } = commonOptions(flags);
      const place = placeOf(options);
      if (flags.remove) {
        const removed = removeIndex(place);
        print("index", { index: null, removed }, () =>
          removed ? line`The index is removed.` : line``,
        );
        return exitCodes.good;
      }
      const rebuild = flags.rebuild ?? false;
      const report = await reportIndex(place, { rebuild, ...(onIndex && { onIndex }) });
      print("index", { index: report }, () =>
        report === null ? line`` : indexText(report, colors),
      );
      if (report !== null) return exitCodes.good;
      if (!flags.json) say(line`fixelf: ${place.root}${place.store}: there is no store`);
      return exitCodes.failure;
    }),
  );
}
