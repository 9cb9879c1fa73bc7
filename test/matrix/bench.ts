// A copy of a built cell on which edits are tried.
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Layout, native } from "../../lib/addon/native.js";
import type { Edits } from "../../lib/addon/requests.js";
import type { Cell } from "./axes.js";
import type { Built } from "./build.js";
import { sysroot } from "./run.js";

/** A copy of a built cell that may be changed. */
export interface Bench {
  cell: Cell;
  /** Holds the program, and lib/. */
  directory: string;
  /** The absolute path of the edited file. */
  subject: string;
  program: string;
  /** PT_INTERP as it was built. */
  interpreter: string | null;
}

export async function benchOf(built: Built, directory: string): Promise<Bench> {
  await rm(directory, { recursive: true, force: true });
  await cp(built.directory, directory, { recursive: true, verbatimSymlinks: true });
  const program = join(directory, built.program);
  return {
    cell: built.cell,
    directory,
    subject: join(directory, built.subject),
    program,
    interpreter: (await native.inspect(program)).interpreter,
  };
}

/** Plans the edits and writes them. */
export async function change(path: string, edits: Edits, records: string): Promise<Layout> {
  const layout = await native.layOut(path, edits);
  const [failure] = await native.apply([{ path, output: path, layout, inPlace: false }], records);
  if (failure) throw failure;
  return layout;
}

/** Puts the machine's loader where an edited program will look for it. */
export async function placeLoader(bench: Bench, path: string) {
  const absolute = path.startsWith("/") ? path : join(bench.directory, path);
  await mkdir(dirname(absolute), { recursive: true });
  const { machine } = bench.cell;
  const target = bench.interpreter as string;
  await symlink(machine === "x86-64" ? target : join(sysroot(machine), target), absolute);
}

export const digest = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
