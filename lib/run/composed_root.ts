// A root directory like the present one, but with a few more entries. It is composed of what exists: each entry is
// bound where it was, and only the directories leading to an added one are new. What is created later in such a
// directory stays in the namespace.
import { dirname, join } from "node:path";
import { lstatSync, readdirSync, readlinkSync, realpathSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";

/** What to add. Anyone may read the files; `program` means that they may be executed, too. */
export type Addition =
  | { do: "program" | "data"; content: Uint8Array; place: string }
  | { do: "link"; target: string; place: string };

/** The steps for composing the root, in order. */
export type RootStep =
  | Addition
  | { do: "directory"; place: string }
  | { do: "bind-directory" | "bind-file"; source: string; place: string };

export interface ComposedRoot {
  steps: RootStep[];
  /** A directory that gets covered while the root is made. */
  base: string;
}

/** Each bound entry is a mount, and a namespace may have 100,000 (fs.mount-max). */
const mostMounts = 5000;

/** @throws FixelfError `limit-exceeded` or `unsupported` */
export function composedRoot(added: readonly Addition[]): ComposedRoot {
  const steps: RootStep[] = [];
  compose(
    "/",
    added.map((each) => ({ ...each, place: withoutLinks(each.place) })),
    steps,
  );
  const base = steps.find((step) => step.do === "bind-directory" && !special.has(step.place));
  if (base === undefined)
    throw new FixelfError("unsupported", "there is no directory in which to make a root");
  return { steps, base: base.place };
}

const special = new Set(["/dev", "/proc", "/sys"]);

function compose(directory: string, added: readonly Addition[], steps: RootStep[]): void {
  const ours = new Map<string, Addition[]>();
  for (const each of added) {
    const name = nameBelow(directory, each.place);
    ours.set(name, [...(ours.get(name) ?? []), each]);
  }
  const present = namesIn(directory);
  const mounts = steps.filter((step) => step.do.startsWith("bind-")).length + present.length;
  if (mounts > mostMounts)
    throw new FixelfError("limit-exceeded", `${directory} has too many entries to be bound`);
  for (const name of new Set([...present, ...ours.keys()])) {
    const place = join(directory, name);
    const within = ours.get(name) ?? [];
    const here = within.find((each) => each.place === place);
    const state = lstatSync(place, { throwIfNoEntry: false });
    if (here !== undefined) {
      steps.push(here);
    } else if (within.length > 0) {
      steps.push({ do: "directory", place });
      compose(place, within, steps);
    } else if (state?.isSymbolicLink()) {
      steps.push({ do: "link", target: readlinkSync(place), place });
    } else if (state !== undefined) {
      const kind = state.isDirectory() ? "bind-directory" : "bind-file";
      steps.push({ do: kind, source: place, place });
    }
  }
}

/** The first name in a path after the directory that it is in or below. */
function nameBelow(directory: string, path: string): string {
  return path.slice(directory === "/" ? 1 : directory.length + 1).split("/", 1)[0] as string;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    if (code !== "ENOTDIR") throw failure;
    throw new FixelfError("unsupported", `${directory} is no directory, and would have to be one`);
  }
}

/** Where a path leads, as far as it exists; its last part stays as it is. */
export function withoutLinks(path: string): string {
  const directory = dirname(path);
  if (directory === "/") return path;
  try {
    return join(realpathSync(directory), path.slice(directory.length));
  } catch {
    return join(withoutLinks(directory), path.slice(directory.length));
  }
}
