// A root directory like the present one, but with a few files more. It is put together of what is
// there: each entry is bound where it was, and only the directories on the way to an added file are
// new ones. What is created later in such a directory stays in the namespace.
import { lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { FixelfError } from "../base/errors.js";

/** What native/run/entrance does, one after the other. */
export type RootStep =
  | { do: "directory"; place: string }
  | { do: "link"; target: string; place: string }
  | { do: "bind-directory" | "bind-file"; source: string; place: string };

/** A file that is to be there, and where its content is. */
export interface AddedFile {
  place: string;
  source: string;
}

export interface ComposedRoot {
  steps: RootStep[];
  /** A directory, to be covered while the root is made. */
  base: string;
}

/** Each entry is a mount, and a namespace may have 100,000 (fs.mount-max). */
const mostEntries = 5000;

/** @throws FixelfError `limit-exceeded` or `unsupported` */
export function composedRoot(added: readonly AddedFile[]): ComposedRoot {
  const steps: RootStep[] = [];
  compose(
    "/",
    added.map(({ place, source }) => ({ place: withoutLinks(place), source })),
    steps,
  );
  const base = steps.find((step) => step.do === "bind-directory" && !special.has(step.place));
  if (base === undefined)
    throw new FixelfError("unsupported", "there is no directory in which to make a root");
  return { steps, base: base.place };
}

const special = new Set(["/dev", "/proc", "/sys"]);

function compose(directory: string, added: readonly AddedFile[], steps: RootStep[]): void {
  const names = namesIn(directory);
  if (steps.length + names.length > mostEntries)
    throw new FixelfError("limit-exceeded", `${directory} has too many entries to be bound`);
  for (const name of names) {
    const place = join(directory, name);
    if (added.some((file) => file.place === place)) continue; // ours instead
    const within = added.filter((file) => file.place.startsWith(`${place}/`));
    const state = lstatSync(place, { throwIfNoEntry: false });
    if (state === undefined) continue;
    if (state.isSymbolicLink()) {
      steps.push({ do: "link", target: readlinkSync(place), place });
    } else if (!state.isDirectory()) {
      steps.push({ do: "bind-file", source: place, place });
    } else if (within.length === 0) {
      steps.push({ do: "bind-directory", source: place, place });
    } else {
      steps.push({ do: "directory", place });
      compose(place, within, steps);
    }
  }
  for (const file of added) {
    const isHere = dirname(file.place) === directory;
    const next = join(directory, file.place.slice(directory.length).split("/").find(Boolean) ?? "");
    if (isHere) {
      steps.push({ do: "bind-file", source: file.source, place: file.place });
    } else if (!names.some((name) => join(directory, name) === next)) {
      if (!steps.some(({ place }) => place === next)) steps.push({ do: "directory", place: next });
      compose(next, [file], steps);
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw failure;
  }
}

/** Where a path leads, as far as there is anything; its last part stays as it is. */
function withoutLinks(path: string): string {
  const directory = dirname(path);
  if (directory === "/") return path;
  try {
    return join(realpathSync(directory), path.slice(directory.length));
  } catch {
    return join(withoutLinks(directory), path.slice(directory.length));
  }
}
