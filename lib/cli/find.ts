// fixelf find: which store path provides a soname.
import type { Command } from "commander";
import { type GetFlags, withGet } from "./get.js";
import { withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    withGet(
      program
        .command("find")
        .description("find the store paths that provide libraries, best match first")
        .argument(
          "<name...>",
          "sonames (libz.so.1), names of libraries or nixpkgs packages (libz, zlib), or patterns (libicu*)",
        ),
    ),
    "fixelf find libcrypt.so.1",
  ).action(async (sonames: string[], flags: GetFlags) => {
    await (await import("./look_up.js")).lookUp(sonames, flags);
  });
}
