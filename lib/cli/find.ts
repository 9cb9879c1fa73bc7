// fixelf find: which store path provides a soname.
import type { Command } from "commander";
import { type SharedFlags, withShared } from "./options.js";

export function define(program: Command): void {
  withShared(
    program
      .command("find")
      .description("find the store paths that provide libraries, the best first")
      .argument("<soname...>", "names of libraries, as programs need them"),
    "fixelf find libcrypt.so.1",
  ).action(async (sonames: string[], flags: SharedFlags) => {
    await (await import("./look_up.js")).lookUp(sonames, flags);
  });
}
