// ELF files compiled from C. What the same compiler and linker made from the same source, options and files before is
// taken from the user's cache: the tests of parts spend most of their time waiting for compilers.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { scratchRoot, userCache } from "./scratch.js";

/**
 * Compiles with this machine's gcc. Returns `output`, whose directory is created if missing, and is where the compiler
 * runs: options may name files there. Libraries to link with are named as files.
 */
export function compile(output: string, source: string, ...options: string[]): string {
  return compileWith("gcc", output, source, ...options);
}

/** The same with another compiler, which has gcc's options. */
export function compileWith(
  compiler: string,
  output: string,
  source: string,
  ...options: string[]
): string {
  const directory = dirname(output);
  mkdirSync(directory, { recursive: true });
  const kept = keptAs(compiler, directory, source, options);
  if (kept === null || !existsSync(kept)) {
    const words = ["-w", "-x", "c", "-", "-x", "none", ...options, "-o", output];
    execFileSync(compiler, words, { cwd: directory, input: source });
    if (kept !== null) {
      // Other test files may store the same at the same time.
      const unfinished = `${kept}.${process.pid}`;
      mkdirSync(dirname(kept), { recursive: true });
      copyNaming(anyScratch, scratchRoot, output, unfinished);
      renameSync(unfinished, kept);
    }
  } else copyNaming(scratchRoot, anyScratch, kept, output);
  return output;
}

/** Replaces a run's scratch root in what is kept; of the same length, so that no offset changes. */
const anyScratch = "/".padEnd(scratchRoot.length, "*");

/** Copies a file, replacing one name by the other. Like a linker, it leaves other hard links alone. */
function copyNaming(name: string, instead: string, from: string, to: string): void {
  const bytes = readFileSync(from);
  for (let at = bytes.indexOf(instead); at >= 0; at = bytes.indexOf(instead, at))
    bytes.write(name, at);
  rmSync(to, { force: true });
  writeFileSync(to, bytes);
  chmodSync(to, statSync(from).mode);
}

/**
 * Where the result is kept; null if it cannot be told what it is made from. The version of the C library is not
 * checked: what an older one started still starts.
 */
function keptAs(
  compiler: string,
  directory: string,
  source: string,
  options: readonly string[],
): string | null {
  // Where libraries and headers are searched for, and C text that a compiler may turn into numbers.
  if (options.some((word) => /^-[LIB]/.test(word))) return null;
  const texts = [source, ...options.filter((word) => word.startsWith("-D"))];
  if (texts.some((text) => text.includes(scratchRoot))) return null;
  const words = options.map((word) => word.replaceAll(scratchRoot, anyScratch));
  const files = options
    .flatMap((word) => word.split(/[,=]/))
    .map((name) => resolve(directory, name))
    .filter((path) => existsSync(path) && statSync(path).isFile())
    .map((path) => digestOf(readFileSync(path, "latin1").replaceAll(scratchRoot, anyScratch)));
  const linkers = options.flatMap((word) => /^-fuse-ld=(.*)$/.exec(word)?.[1] ?? []);
  const tools = [compiler, ...linkers.map((name) => `ld.${name}`)].map(versionOf);
  const made = [tools, compiler, scratchRoot.length, source, words, files];
  return join(userCache, "fixelf-tests", digestOf(JSON.stringify(made)));
}

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

const versions = new Map<string, string>();

/** The version of the command found on PATH, and of its package too, in Debian. */
function versionOf(tool: string): string {
  const key = `${process.env.PATH} ${tool}`;
  let version = versions.get(key);
  if (version === undefined) {
    version = execFileSync(tool, ["--version"], { encoding: "utf8" });
    versions.set(key, version);
  }
  return version;
}
