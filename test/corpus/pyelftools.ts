// pyelftools, through a Python program beside this file.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Said, Tool } from "./said.js";

const program = fileURLToPath(new URL("pyelftools.py", import.meta.url));

export const pyelftools: Tool = async (paths) => {
  // Debian's own Python: its packages are the installed ones.
  const python = spawn("/usr/bin/python3", [program], { stdio: ["pipe", "pipe", "inherit"] });
  python.stdin.end(paths.map((path) => `${path}\n`).join(""));
  const [answers] = await Promise.all([text(python.stdout), once(python, "close")]);
  const lines = answers.split("\n").slice(0, -1);
  if (lines.length !== paths.length) throw new Error(`pyelftools ended before its last file`);
  return new Map(
    paths.map((path, index) => {
      const said = JSON.parse(lines[index] as string) as Said & { failure?: string };
      return [path, said.failure === undefined ? { ...said, entry: BigInt(said.entry) } : null];
    }),
  );
};
