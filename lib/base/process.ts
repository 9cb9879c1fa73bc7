// What this process was started with, byte for byte (bytes.ts): its arguments, its environment variables, its working
// directory. Node decodes them, and puts U+FFFD in place of bytes that are not UTF-8; the kernel still has them.
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { textOf } from "./bytes.js";
import { readFileSync, readlinkSync } from "./disk.js";

/** From the first one after the program's own name. */
export function givenWords(): string[] {
  const words = process.argv.slice(2);
  if (words.every(isDecoded)) return words;
  // Node's own options come before them.
  return listIn("/proc/self/cmdline").slice(-words.length);
}

export function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || isDecoded(value) ? value : initialVariables()[name];
}

export function variables(): NodeJS.ProcessEnv {
  if (Object.entries(process.env).flat().every(isDecoded)) return process.env;
  return { ...process.env, ...initialVariables() };
}

/** Absolute, and without "." and ".."; links stay. */
export function absolute(path: string): string {
  return path.startsWith("/") ? resolve(path) : resolve(workingDirectory(), path);
}

export function workingDirectory(): string {
  const directory = process.cwd();
  return isDecoded(directory) ? directory : readlinkSync("/proc/self/cwd");
}

/** A relative one would change with the working directory: then the user database is consulted. */
export function homeDirectory(): string {
  const home = variable("HOME");
  return home?.startsWith("/") ? home : userInfo().homedir;
}

function isDecoded(text: string | undefined): boolean {
  return !text?.includes("\ufffd");
}

/** Those that Node could not decode: they have not been set since. */
function initialVariables(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const word of listIn("/proc/self/environ")) {
    const name = word.slice(0, word.indexOf("="));
    if (!isDecoded(process.env[name])) found[name] = word.slice(name.length + 1);
  }
  return found;
}

function listIn(file: string): string[] {
  return textOf(readFileSync(file)).split("\0").slice(0, -1);
}
