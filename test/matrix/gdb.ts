// One gdb for many questions: starting it takes longer than answering.
import { randomUUID } from "node:crypto";
import { inTurn } from "./in-turn.js";
import { askWithin } from "./process.js";

/** Commands for gdb whose answers belong together. */
export type Question = readonly string[];

/**
 * What a gdb prints at each question, including errors. A question has to clean up after the one
 * before it; `preparation` is done once.
 */
export function askGdb(
  gdb: "gdb" | "gdb-multiarch",
  preparation: Question,
  questions: readonly Question[],
): Promise<string[]> {
  const say = async (commands: Question) => {
    // Go's programs name a Python script, which gdb refuses with a message, but only once.
    const all = ["set debuginfod enabled off", "set auto-load off", ...preparation, ...commands];
    const { stdout } = await askWithin(patience, "sh", [
      ...["-c", 'exec "$@" 2>&1', "sh"],
      ...[gdb, "-batch", "-nx", ...all.flatMap((command) => ["-ex", command])],
    ]);
    return stdout;
  };
  return inTurn(
    questions,
    async (rest) => {
      const mark = randomUUID();
      const text = await say(rest.flatMap((question) => [...question, `echo ${mark}\\n`]));
      return text.split(`${mark}\n`).slice(0, -1);
    },
    say,
  );
}

/** In seconds. */
const patience = 240;
