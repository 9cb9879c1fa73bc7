// fixelf loaders: the loaders of the store, and which one a program would get.
import type { Command } from "commander";
import { indexOptions } from "../base/options.js";
import { line } from "../report/shown.js";
import { exitCodes, run } from "./command.js";
import { commonOptions, type SharedFlags, withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    program
      .command("loaders")
      .description("list the store's loaders, and mark the one that would be chosen (*)"),
    "fixelf loaders",
  ).action((flags: SharedFlags) =>
    run(flags, async ({ colors, print, say }) => {
      const [{ Store }, { placeOf }, { loadersText }] = await Promise.all([
        import("../store/context.js"),
        import("../store/place.js"),
        import("../report/loaders.js"),
      ]);
      const options = commonOptions(flags);
      const place = placeOf(options);
      const loaders = await new Store(place, indexOptions(options)).loaders();
      print("loaders", { loaders }, () => loadersText(loaders, colors));
      if (loaders.length > 0) return exitCodes.good;
      if (!flags.json) say(line`fixelf: There is no loader in ${place.root}${place.store}.`);
      return exitCodes.findings;
    }),
  );
}
