// The test world: a NixOS-like root with a real Nix store, and foreign programs to run in it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { lstat, mkdtemp, readdir, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { inject } from "vitest";
import { shellWord } from "../../lib/base/shell.js";
import { patience } from "../support/patience.js";
import { expectValid } from "../support/schemas.js";

const here = dirname(fileURLToPath(import.meta.url));
/** The folder in which ./make built it. */
export const folder = inject("world") ?? "";

/** A program of the world, by its name in `programs/`. */
export type ProgramName =
  | "cpython"
  | "node"
  | "biome"
  | "postgres"
  | "python-modules"
  | "utf-8-validate"
  | "serialport"
  | "bun"
  | "deno";

/**
 * What a root has at /lib64/ld-linux-x86-64.so.2: nothing; what a stock NixOS has there, which only reports that it
 * cannot start the program; nix-ld, with the libraries that its module brings and the loader and C library of the
 * system's glibc; this project's stand-in, whose default is the loader of an older glibc, without its C library.
 */
export const loaderStates = ["absent", "stub", "nix-ld", "fixelf-ld"] as const;
export type LoaderState = (typeof loaderStates)[number];

export interface RunOptions {
  /** Inside; "/" if not given. */
  directory?: string;
  environment?: Record<string, string>;
  /** As an ordinary user, with a Nix daemon, instead of as root. */
  asUser?: boolean;
  /** Files and folders of this machine to mount inside, by their place there. */
  bind?: Record<string, string>;
  /** On a terminal, where this is typed once the program asks; needs `script`. Its stderr ends up in stdout. */
  typed?: { after: string; keys: string };
}

export interface RunResult {
  exitCode: number;
  /** Without the last line's end. */
  stdout: string;
  stderr: string;
}

export interface FileState {
  sha256: string;
  inode: bigint;
  /** In nanoseconds, like a modification time. */
  modified: bigint;
  mode: number;
}

/** A fresh root, in which nothing has happened yet. */
export async function openWorld(loader: LoaderState = "absent"): Promise<World> {
  if (folder === "") throw new Error("There is no test world: test/world/make");
  const world = new World(await mkdtemp(join(tmpdir(), "fixelf-world-")), loader);
  // Lays the root out, so that programs can be copied into it.
  await world.check(["true"]);
  return world;
}

export class World {
  readonly #scratch: string;
  /** What is in the loader's place. */
  readonly loader: LoaderState;
  /** One overlay can only be mounted once at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(scratch: string, loader: LoaderState) {
    this.#scratch = scratch;
    this.loader = loader;
  }

  /** The store paths by their names in recipe/store.nix. */
  readonly store: Record<string, string> = JSON.parse(
    readFileSync(join(folder, "store.json"), "utf8"),
  );

  /** The path on this machine of what is at `inside` in the root, except the store and mounts. */
  host(inside: string): string {
    return join(this.#scratch, "root", inside);
  }

  /** Runs a program inside. */
  run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { directory, environment = {}, asUser = false, bind = {}, typed } = options;
    const flags = [
      ["--scratch", this.#scratch, "--world", folder, "--loader", this.loader],
      directory === undefined ? [] : ["--directory", directory],
      asUser ? ["--user"] : [],
      Object.entries(environment).flatMap(([name, value]) => ["--environment", `${name}=${value}`]),
      Object.entries(bind).flatMap(([inside, host]) => ["--bind", `${host}=${inside}`]),
    ].flat();
    const result = this.#last.then(async () => {
      const words = [join(here, "enter"), ...flags, "--", ...command];
      const [program = "", ...rest] =
        typed === undefined
          ? words
          : ["script", "-qec", words.map(shellWord).join(" "), "/dev/null"];
      const running = execa(program, rest, {
        env: { FIXELF_NODE: process.execPath },
        reject: false,
        timeout: patience,
        killSignal: "SIGKILL",
        stdin: typed === undefined ? "ignore" : "pipe",
      });
      let shown = "";
      const type = (piece: Buffer) => {
        shown += piece;
        if (typed === undefined || !shown.includes(typed.after)) return;
        running.stdout?.off("data", type);
        running.stdin?.write(typed.keys);
      };
      if (typed !== undefined) running.stdout?.on("data", type);
      const { exitCode, stdout, stderr, ...ended } = await running;
      if (exitCode === undefined) throw new Error(ended.shortMessage);
      return { exitCode, stdout, stderr };
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Runs a program that has to succeed; returns its output. */
  async check(command: readonly string[], options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, options);
    if (exitCode !== 0)
      throw new Error(`${command.join(" ")} ended with ${exitCode}:\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** Runs a few lines of shell that have to succeed. */
  shell(script: string, options: RunOptions = {}): Promise<string> {
    return this.check(["sh", "-euc", script], options);
  }

  /** Runs fixelf inside. */
  fixelf(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.run(["fixelf", ...argv], options);
  }

  /** Runs fixelf inside with --json; `document` is its output, checked against its schema. */
  async fixelfJson<T>(
    argv: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult & { document: T }> {
    const result = await this.fixelf([...argv, "--json"], options);
    let document: T & { schema: string };
    try {
      document = JSON.parse(result.stdout);
    } catch (cause) {
      throw new Error(`no JSON of fixelf ${argv.join(" ")}:\n${result.stdout}\n${result.stderr}`, {
        cause,
      });
    }
    expectValid(/^fixelf\.(.+)\/1$/.exec(document.schema)?.[1] ?? "", document);
    return { ...result, document };
  }

  /** Puts a pristine copy into the ordinary user's home; returns its place inside. */
  async copyProgram(name: ProgramName): Promise<string> {
    const inside = `/home/user/${name}`;
    const original = join(folder, "programs", name);
    await execa("cp", ["-a", "--reflink=auto", original, this.host(inside)]);
    await this.giveToUser(inside);
    return inside;
  }

  /** Makes the ordinary user the owner of everything at or below a place inside. */
  async giveToUser(inside: string): Promise<void> {
    // If the tests are not run by root, the ordinary user inside is the user that runs them.
    if (process.getuid?.() === 0) await execa("chown", ["-R", "1000:100", this.host(inside)]);
  }

  /** The visible state of each file, and of each link's target, at or below a place inside. */
  async state(inside: string): Promise<Map<string, FileState>> {
    const top = this.host(inside);
    const states = new Map<string, FileState>();
    for (const file of await filesBelow(top))
      states.set(relative(top, file) || ".", await stateOf(file));
    return states;
  }

  /** One digest of a file, or of all names, types and contents below a folder. */
  async sha256(inside: string): Promise<string> {
    const states = await this.state(inside);
    const file = states.get(".");
    if (file !== undefined) return file.sha256;
    const digest = createHash("sha256");
    for (const [path, { sha256, mode }] of states) digest.update(`${path}\0${mode}\0${sha256}\0`);
    return digest.digest("hex");
  }

  async dispose(): Promise<void> {
    await this.#last;
    // The overlay keeps a folder that not even its owner may search.
    await execa("chmod", ["-R", "u+rwX", this.#scratch]);
    await execa("rm", ["-rf", this.#scratch]);
  }
}

async function filesBelow(path: string): Promise<string[]> {
  if (!(await lstat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).sort();
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}

async function stateOf(file: string): Promise<FileState> {
  const { ino, mtimeNs, mode } = await lstat(file, { bigint: true });
  return { sha256: await contentOf(file), inode: ino, modified: mtimeNs, mode: Number(mode) };
}

async function contentOf(file: string): Promise<string> {
  const status = await lstat(file);
  const digest = createHash("sha256");
  if (status.isSymbolicLink()) digest.update(await readlink(file));
  else if (status.isFile()) {
    try {
      // A stream for each of a tree's thousand small files takes seven times as long.
      digest.update(readFileSync(file));
    } catch (failure) {
      // A test has removed its owner's right to read it; the rest of the visible state has to do.
      if ((failure as NodeJS.ErrnoException).code !== "EACCES") throw failure;
    }
  }
  return digest.digest("hex");
}
