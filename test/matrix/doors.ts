// The doors through which an edit can be requested: the core, as in the API, and fixelf-patchelf, with patchelf's
// options, which another patchelf understands as well.
import { rm, writeFile } from "node:fs/promises";
import { programPath } from "../../lib/addon/programs.js";
import type { Edits } from "../../lib/addon/requests.js";
import { change } from "./bench.js";
import { ask } from "./process.js";

export interface Door {
  name: string;
  /** Whether `undo` can take back what it has changed. */
  keepsRecords: boolean;
  /** Whether an edit that cannot be made may be skipped, as patchelf does with some; the file then stays as it is. */
  passesOver: boolean;
  /** Whether the edits can be requested through it. */
  takes(edits: Edits): boolean;
  /** Changes the file, or throws an error with a code. */
  change(path: string, edits: Edits, records: string): Promise<void>;
}

export const core: Door = {
  name: "core",
  keepsRecords: true,
  passesOver: false,
  takes: () => true,
  async change(path, edits, records) {
    await change(path, edits, records);
  },
};

export const patchelf: Door = {
  name: "patchelf",
  keepsRecords: false,
  passesOver: true,
  // With that, a resolution cache is computed, not passed in.
  takes: ({ resolutionCache }) => resolutionCache === undefined,
  change: (path, edits) => changeBy(programPath("patchelf"), path, edits),
};

const doors = [core, patchelf];

/** The one that FIXELF_MATRIX_DOOR names, or null. */
export function namedDoor(): Door | null {
  const name = process.env.FIXELF_MATRIX_DOOR;
  if (name === undefined) return null;
  const door = doors.find((each) => each.name === name);
  if (door !== undefined) return door;
  throw new Error(`FIXELF_MATRIX_DOOR is ${doors.map((each) => each.name).join(" or ")}`);
}

/** Changes a file with a program that understands patchelf's options; a refusal is an `unsupported` error. */
export async function changeBy(program: string, path: string, edits: Edits): Promise<void> {
  const names = `${path}.names`;
  const renamed = edits.renameSymbols ?? [];
  if (renamed.length > 0)
    await writeFile(names, renamed.map(({ from, to }) => `${from} ${to}\n`).join(""));
  const words = wordsFor(edits, names);
  // No options means nothing to do.
  const { stdout, stderr, status } =
    words.length === 0
      ? { stdout: "", stderr: "", status: 0 }
      : await ask(program, [...words, path]);
  await rm(names, { force: true });
  if (status === 0 && stdout === "") return;
  const isRefusal = status === 1 && stdout === "" && stderr.startsWith("patchelf: ");
  throw Object.assign(new Error(`${words.join(" ")}\n(${status}) ${stderr}${stdout}`), {
    code: isRefusal ? "unsupported" : "failed",
  });
}

/** The names of ABIs: EI_OSABI. */
const osAbis: Record<number, string> = { 0: "System V", 3: "Linux" };

function wordsFor(edits: Edits, names: string): string[] {
  const { searchPath } = edits;
  const asked: [unknown, string[]][] = [
    [edits.interpreter, ["--set-interpreter", edits.interpreter ?? ""]],
    [searchPath?.value === "", ["--remove-rpath"]],
    [searchPath?.value, ["--set-rpath", searchPath?.value ?? ""]],
    [searchPath?.value && searchPath.tag === "rpath", ["--force-rpath"]],
    [edits.soname, ["--set-soname", edits.soname ?? ""]],
    [edits.noDefaultLibraries, ["--no-default-lib"]],
    [edits.debugEntry, ["--add-debug-tag"]],
    [edits.osAbi !== undefined, ["--set-os-abi", osAbis[edits.osAbi ?? 0] ?? ""]],
    [edits.executableStack === true, ["--set-execstack"]],
    [edits.executableStack === false, ["--clear-execstack"]],
    [edits.renameSymbols, ["--rename-dynamic-symbols", names]],
  ];
  return [
    ...asked.flatMap(([isAsked, words]) => (isAsked ? words : [])),
    ...(edits.removeNeeded ?? []).flatMap((name) => ["--remove-needed", name]),
    ...(edits.replaceNeeded ?? []).flatMap(({ from, to }) => ["--replace-needed", from, to]),
    ...(edits.addNeeded ?? []).flatMap((name) => ["--add-needed", name]),
    ...(edits.clearSymbolVersions ?? []).flatMap((name) => ["--clear-symbol-version", name]),
  ];
}
