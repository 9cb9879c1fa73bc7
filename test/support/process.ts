// Starts the command line as a user does, and Node with the addon in it.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { addonEnvironment } from "./preload.js";

/** What starts Node with the addon: words, since a program that starts it may not work with the variable. */
export const node: readonly string[] = [
  ...Object.entries(addonEnvironment).flatMap((pair) => ["env", pair.join("=")]),
  process.execPath,
];

/** What starts the command line. */
export const commandLine: readonly string[] = [
  ...node,
  fileURLToPath(new URL("../../dist/cli/main.cjs", import.meta.url)),
];

export interface Surroundings {
  cwd?: string;
  input?: string;
  /** Variables besides this process's. */
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** The words before: a command that starts what follows it. */
  by?: readonly string[];
}

export interface Ended {
  stdout: string;
  stderr: string;
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** `fixelf WORDS…`, waited for. */
export function fixelf(words: readonly string[], surroundings: Surroundings = {}): Ended {
  return run([...commandLine, ...words], surroundings);
}

/** `fixelf WORDS…`, under way. */
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

/** Any command, waited for. Throws where it cannot be started. */
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

/** A script that asks TypeScript's checker, waited for, without what the checker's process says when it is ended. */
export function checkerScript(path: string, ...words: string[]): Ended {
  const { stderr, ...ended } = run([process.execPath, path, ...words]);
  return { ...ended, stderr: stderr.replace(/^context canceled\n/m, "") };
}
