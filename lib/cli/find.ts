// fixelf find: which store path provides a soname.
import type { Command } from "commander";
import { withGet } from "./get.js";
import type { FindFlags } from "./look_up.js";
import { withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    withGet(
      program
        .command("find")
        .description("find the store paths that provide libraries, best match first")
        .argument(
          "[name...]",
          "sonames (libz.so.1), names of libraries or nixpkgs packages (libz, zlib), patterns (libicu*), or symbol versions (GLIBC_2.38)",
        )
        .option(
          "--symbol-version <version>",
          "only libraries that define this (GLIBCXX_3.4.32); without NAME, of the library it belongs to",
        ),
    ),
    "fixelf find libcrypt.so.1",
  ).action(async (sonames: string[], flags: FindFlags) => {
    await (await import("./look_up.js")).lookUp(sonames, flags);
  });
}
