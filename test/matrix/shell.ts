// Many short commands by one shell: it forks in a fraction of the time that Node takes.
import { randomUUID } from "node:crypto";
import { inTurn } from "./in-turn.js";
import { type Answer, ask } from "./process.js";

export interface Command {
  command: string;
  args: readonly string[];
  cwd: string;
  env?: Record<string, string>;
}

/** Runs the commands one after the other; none depends on the success of another. */
export function askShell(commands: readonly Command[]): Promise<Answer[]> {
  return inTurn(commands, together, ({ command, args, cwd, env }) =>
    ask(command, args, { cwd, ...(env === undefined ? {} : { env }) }),
  );
}

/** What a shell makes of a program that it cannot start, be it busy or missing (POSIX, 2.8.2). */
const notStarted = [126, 127];

/** Seconds; then the shell is killed with what it has started. */
const patience = 120;

async function together(commands: readonly Command[]): Promise<Answer[]> {
  const mark = randomUUID();
  const script = commands.map(
    (command) => `(${inShell(command)}) </dev/null; echo "${mark} $?"; echo "${mark}" >&2`,
  );
  const { stdout, stderr } = await ask(
    "timeout",
    ["--signal=KILL", String(patience), "sh", "-c", script.join("\n")],
    { timeout: 2 * patience * 1000 },
  );
  const errors = stderr.split(`${mark}\n`);
  const outputs = stdout.split(new RegExp(`${mark} ([0-9]+)\n`)); // output, status, output, status …
  const answers: Answer[] = [];
  for (let index = 0; 2 * index + 1 < outputs.length; ++index) {
    const status = Number(outputs[2 * index + 1]);
    if (notStarted.includes(status)) break;
    answers.push({
      stdout: outputs[2 * index] as string,
      stderr: errors[index] ?? "",
      status,
    });
  }
  return answers;
}

function inShell({ command, args, cwd, env = {} }: Command): string {
  const variables = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}; `);
  return `cd ${quoted(cwd)} && ${variables.join("")}exec ${[command, ...args].map(quoted).join(" ")}`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
