// Many short commands through one shell: it forks in a fraction of the time that Node takes.
import { randomUUID } from "node:crypto";
import { shellWord } from "../../lib/base/shell.js";
import { inTurn } from "./in-turn.js";
import { type Answer, ask, askWithin } from "./process.js";

export interface Command {
  command: string;
  args: readonly string[];
  cwd: string;
  env?: Record<string, string>;
}

/**
 * The answers to the commands of each group. Those of one group run one after the other, and may
 * need what the one before has left; none depends on the success of another.
 */
export function askShell(groups: readonly (readonly Command[])[]): Promise<Answer[][]> {
  return inTurn(groups, together, async (group) => {
    const answers: Answer[] = [];
    for (const { command, args, ...surroundings } of group)
      answers.push(await ask(command, args, surroundings));
    return answers;
  });
}

/**
 * What a shell returns for a program that it cannot start, be it busy or missing (POSIX, 2.8.2). A
 * loader that lacks a library also ends with 127 (glibc elf/dl-minimal.c, fatal_error).
 */
const maybeNotStarted = [126, 127];

/** In seconds; then the shell is killed with everything that it has started. */
const patience = 120;

async function together(groups: readonly (readonly Command[])[]): Promise<Answer[][]> {
  const mark = randomUUID();
  const script = groups
    .flat()
    .map((command) => `(${inShell(command)}) </dev/null; echo "${mark} $?"; echo "${mark}" >&2`);
  const { stdout, stderr } = await askWithin(patience, "sh", ["-c", script.join("\n")]);
  const errors = stderr.split(`${mark}\n`);
  const outputs = stdout.split(new RegExp(`${mark} ([0-9]+)\n`)); // output, status, output, status …
  const answers = Array.from({ length: Math.floor(outputs.length / 2) }, (_, index) => ({
    stdout: outputs[2 * index] as string,
    stderr: errors[index] ?? "",
    status: Number(outputs[2 * index + 1]),
  }));
  const whole: Answer[][] = [];
  for (const { length } of groups) {
    const own = answers.splice(0, length);
    if (own.length < length || own.some(({ status }) => maybeNotStarted.includes(status))) break;
    whole.push(own);
  }
  return whole;
}

function inShell({ command, args, cwd, env = {} }: Command): string {
  const variables = Object.entries(env).map(
    ([name, value]) => `export ${name}=${shellWord(value)}; `,
  );
  return `cd ${shellWord(cwd)} && ${variables.join("")}exec ${[command, ...args].map(shellWord).join(" ")}`;
}
