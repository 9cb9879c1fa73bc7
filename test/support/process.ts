// Starts the command line as a user does, and Node with the addon in it.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { addonEnvironment } from "./preload.js";

/** The words that start Node with the addon, since a program that starts it may not work with the variable. */
export const node: readonly string[] = [
  ...Object.entries(addonEnvironment).flatMap((pair) => ["env", pair.join("=")]),
  process.execPath,
];

/** The words that start the command line. */
export const commandLine: readonly string[] = [
  ...node,
  fileURLToPath(new URL("../../dist/cli/main.cjs", import.meta.url)),
];

export interface Surroundings {
  cwd?: string;
  input?: string;
  /** Variables in addition to this process's. */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** The words in front: a command that starts what follows it. */
  by?: readonly string[];
}

export interface Ended {
  stdout: string;
  stderr: string;
  /** Null if it was ended by a signal. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Runs `fixelf WORDS…` to its end. */
export function fixelf(words: readonly string[], surroundings: Surroundings = {}): Ended {
  return run([...commandLine, ...words], surroundings);
}

/** Starts `fixelf WORDS…`. */
export function startFixelf(
  words: readonly string[],
  { by = [], cwd, env }: Omit<Surroundings, "input"> = {},
): ChildProcessWithoutNullStreams {
  const [file, ...args] = [...by, ...commandLine, ...words] as [string, ...string[]];
  return spawn(file, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
  });
}

/** Runs any command to its end. Throws if it cannot be started. */
export function run(
  command: readonly string[],
  { by = [], env, ...options }: Surroundings = {},
): Ended {
  const [file, ...args] = [...by, ...command] as [string, ...string[]];
  const { error, stdout, stderr, status, signal } = spawnSync(file, args, {
    ...options,
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, ...env },
  });
  if (error !== undefined) throw error;
  return { stdout, stderr, code: status, signal };
}

/** Runs a script that uses TypeScript's checker, without the message of the checker's process when it is ended. */
export function checkerScript(path: string, ...words: string[]): Ended {
  const { stderr, ...ended } = run([process.execPath, path, ...words]);
  return { ...ended, stderr: stderr.replace(/^context canceled\n/m, "") };
}
