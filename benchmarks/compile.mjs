// Compiles the programs that the benchmarks need, when they need them.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Compiles one C++ file of this directory; `output` is the program. */
export function compileProgram(source, output, ...libraries) {
  const path = fileURLToPath(new URL(source, import.meta.url));
  compile("c++", ["-O2", "-std=c++20", "-pthread", path, "-o", output, ...libraries]);
}

/** Runs a compiler, with the source on standard input where `input` is given. */
export function compile(compiler, args, input = "") {
  const { status, stderr, error } = spawnSync(compiler, args, { input, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${compiler} ${args.join(" ")}\n${stderr}`);
}
