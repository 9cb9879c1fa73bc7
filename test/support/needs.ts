// What a test needs that a machine may lack: compilers for other machines, a Nix store, namespaces.
// Each is one line of the table beside this file. A test whose needs are not met is skipped, and
// missing-parts.ts lists at the end of the run what was missing.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject, type SuiteOptions } from "vitest";

/** One line of the table. */
export interface Part {
  name: string;
  /** Debian's names, with spaces between; empty if no package brings it. */
  packages: string;
  /** What it tests. */
  tests: string;
}

declare module "vitest" {
  interface ProvidedContext {
    /** The test world's folder; null if it cannot be built or entered. */
    world: string | null;
  }
  interface TaskMeta {
    /** The missing parts that a skipped test needs. */
    lacks?: string[];
  }
}

export const parts = new Map(readParts().map((part) => [part.name, part]));

/**
 * The options of a `describe` or an `it` that needs all of these parts: skipped if one is missing.
 * Throws for a name that is not in the table.
 */
export function needs(...names: string[]): SuiteOptions {
  const lacks = names.filter((name) => !isHere(name));
  return lacks.length === 0 ? {} : { skip: true, meta: { lacks } };
}

const found = new Map<string, boolean>();

/** Whether this machine has a part. Throws for a name that is not in the table. */
export function isHere(name: string): boolean {
  if (!parts.has(name)) throw new Error(`no part of test/support/parts: ${name}`);
  let here = found.get(name);
  if (here === undefined) {
    here = probe(name);
    found.set(name, here);
  }
  return here;
}

function probe(name: string): boolean {
  const special = probes[name];
  if (special !== undefined) return special();
  const cross = /^(.*-linux-gnu.*)-gcc$/.exec(name)?.[1];
  if (cross !== undefined && name !== hostCompiler)
    return isOnPath(name) && existsSync(`/usr/${cross}/lib`);
  const system = /^stand-in for (.*)$/.exec(name)?.[1];
  if (system !== undefined) return existsSync(join(standIns, `${system}-linux`, "fixelf-ld"));
  return isOnPath(name);
}

const hostCompiler = "x86_64-linux-gnu-gcc";
const standIns = fileURLToPath(new URL("../../prebuilds/fixelf-ld", import.meta.url));
const isRoot = process.getuid?.() === 0;

/** The command that starts another in namespaces of its own, in which it may mount. */
export const unshare = ["unshare", "--mount", ...(isRoot ? [] : ["--user", "--map-root-user"])];

const succeeds = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;

/** How to look for a part that is not a command, or does not work everywhere it is installed. */
const probes: Partial<Record<string, () => boolean>> = {
  "glibc's loader": () => process.arch === "x64" && existsSync("/lib64/ld-linux-x86-64.so.2"),
  "musl's loader": () => process.arch === "x64" && existsSync("/lib/ld-musl-x86_64.so.1"),
  "i386's loader": () => succeeds("/usr/i686-linux-gnu/lib/ld-linux.so.2", "--version"),
  // Most users do not have it on their PATH.
  ldconfig: () => existsSync("/sbin/ldconfig"),
  // pyenv's python3 on the PATH is a bash script.
  python3: () => succeeds("python3", "--version"),
  pyelftools: () => succeeds("/usr/bin/python3", "-c", "import elftools"),
  // A container may forbid it.
  ptrace: () => succeeds("strace", "-o", "/dev/null", "true"),
  strace: () => succeeds("strace", "-o", "/dev/null", "true"),
  // A script that starts this machine's compiler by its long name.
  "musl-gcc": () => succeeds("musl-gcc", "--version"),
  // As another user it asks for a range of user IDs, which not every user has.
  buildah: () => isRoot && isOnPath("buildah"),
  bwrap: () => succeeds("bwrap", "--bind", "/", "/", "true"),
  "mount namespaces": () =>
    succeeds(...(unshare as [string]), "/bin/sh", "-c", "mount -t tmpfs none /tmp"),
  "user namespaces": () =>
    succeeds("unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", "true"),
  root: () => isRoot,
  "set-user-ID programs": () => {
    const { status, stdout } = spawnSync("findmnt", ["-n", "-o", "OPTIONS", "-T", tmpdir()]);
    return isRoot && status === 0 && !/\bnosuid\b/.test(String(stdout));
  },
  "x86-64": () => process.arch === "x64",
  "test world": () => inject("world") !== null,
  // Whether a file may have attributes depends on the file system too.
  setfacl: () => isOnPath("getfacl") && onFile((file) => succeeds("setfacl", "-m", "u:1:r", file)),
  setfattr: () =>
    isOnPath("getfattr") && onFile((file) => succeeds("setfattr", "-n", "user.x", "-v", "1", file)),
  setcap: () =>
    isOnPath("getcap") && onFile((file) => succeeds("setcap", "cap_net_bind_service=ep", file)),
  "sparse files": () =>
    onFile((file) => {
      try {
        truncateSync(file, 5e9);
        return statSync(file).blocks < 1e4;
      } catch {
        return false;
      }
    }),
  chattr: () => onFile((file) => succeeds("chattr", "+i", file) && succeeds("chattr", "-i", file)),
};

function onFile(works: (file: string) => boolean): boolean {
  const directory = mkdtempSync(join(tmpdir(), "fixelf-probe-"));
  const file = join(directory, "file");
  writeFileSync(file, "");
  try {
    return works(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function isOnPath(command: string): boolean {
  return pathOf(command) !== null;
}

/** Where a command is. */
export function pathOf(command: string): string | null {
  const paths = (process.env.PATH ?? "").split(delimiter).map((place) => join(place, command));
  const isProgram = (path: string) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return paths.find(isProgram) ?? null;
}

function readParts(): Part[] {
  const table = readFileSync(new URL("parts", import.meta.url), "utf8");
  const lines = table.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [name = "", packages = "", tests = ""] = line.split("|").map((cell) => cell.trim());
    return { name, packages, tests };
  });
}
