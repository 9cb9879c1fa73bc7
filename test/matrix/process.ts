// Runs a program and waits; its output is data, and a failure is an answer.
import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";

export interface Answer {
  stdout: string;
  stderr: string;
  /** The exit code, or the name of the signal. */
  status: number | string;
}

export interface Surroundings {
  cwd?: string;
  env?: Record<string, string>;
  /** Milliseconds, after which it is killed. */
  timeout?: number;
}

/**
 * A program that has just been written is busy (execve(2), ETXTBSY) for as long as a process that
 * was forked meanwhile has not reached its own execve, since it holds the descriptor.
 */
export async function ask(
  command: string,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<Answer> {
  for (let time = 1; ; time++) {
    try {
      return await askOnce(command, args, surroundings);
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code !== "ETXTBSY" || time === mostTimes)
        throw failure;
    }
    await setTimeout(20 * time);
  }
}

const mostTimes = 20;

/**
 * The same, except that after so many seconds it is killed along with everything that it has
 * started.
 */
export function askWithin(
  seconds: number,
  command: string,
  args: readonly string[],
): Promise<Answer> {
  return ask("timeout", ["--signal=KILL", String(seconds), command, ...args], {
    timeout: 2 * seconds * 1000,
  });
}

function askOnce(
  command: string,
  args: readonly string[],
  { cwd, env = {}, timeout = 120_000 }: Surroundings,
): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        cwd,
        env: { ...process.env, LC_ALL: "C", ...env },
        timeout,
        // An emulator passes SIGTERM on to the program, which may no longer react to it.
        killSignal: "SIGKILL",
        encoding: "utf8",
        maxBuffer: 1 << 28,
      },
      (failure, stdout, stderr) => {
        const status = failure === null ? 0 : (failure.signal ?? failure.code ?? 1);
        resolve({ stdout, stderr, status });
      },
    );
  });
}

/** Standard output of a program that has to succeed. */
export async function demand(
  command: string,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<string> {
  const { stdout, stderr, status } = await ask(command, args, surroundings);
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")}\n(${status}) ${stderr}${stdout}`);
}
