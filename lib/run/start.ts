// What this process becomes, and the types that the ways to run share.
import type { Facts } from "../addon/facts.js";
import { native, type Replacing } from "../addon/native.js";
import { checkMade, checkNumbers, checkPath } from "../base/arguments.js";
import type { EnvironmentOptions, SystemEnvironment } from "../environment/environment.js";

/** The ways, in the order in which they are tried. */
export const ways = ["namespace", "copy", "loader"] as const;
/** A way to run a program that does not run as it is: docs/running-without-patching.md. */
export type Way = (typeof ways)[number];

/** As they appear in sentences. */
export const names: Record<Way, string> = {
  namespace: "in a namespace",
  copy: "as a fixed copy",
  loader: "through the loader",
};

/** How a program is to run. */
export interface RunOptions extends Omit<EnvironmentOptions, "root"> {
  /** Use this way, and no other. */
  how?: Way;
  /** Programs and libraries that it will load or start; what they need is provided as well. */
  with?: readonly string[];
  /** Provide paths of ordinary distributions that are missing here, such as /bin/bash. */
  fhs?: boolean;
}

/** What runs, and what has to be there for it. */
export interface Running {
  /** The path as the kernel is to receive it. */
  path: string;
  /** Absolute, without links. */
  file: string;
  facts: Facts;
  /** It does not run as it is; otherwise only what it starts or loads has needs. */
  isNeedy: boolean;
  /** null if only other things are to be visible. */
  environment: SystemEnvironment | null;
  /** Where programs that do not run name their loader; `taken`: one exists there. */
  loaderPlaces: { place: string; taken: boolean }[];
  /** The program's own loader, if it exists and should know the libraries as well; or null. */
  ownLoader: string | null;
  /** Directories, and files, whose libraries programs open by name. */
  findable: string[];
  /** Further links to show at paths where nothing exists: link and target. */
  links: { place: string; target: string }[];
  /** From argv[0]. */
  arguments: string[];
}

/** A program that does not run as it is. */
export type NeedyRunning = Running & { environment: SystemEnvironment };

/** What a process has to become. */
export interface Start {
  /** A path, or the descriptor of a file that may have none. */
  file: string | number;
  /** From argv[0]. */
  arguments: string[];
  /** Descriptors that it is given, in addition to those that this process was given. */
  descriptors: number[];
  /** What differs from a normal start of the program. */
  limits: string[];
}

/**
 * Becomes the program, which gets the `variables` in addition to those of this process, and the descriptors that are
 * `inherited`. Terminal, signals, exit status and streams are then its own.
 * @throws FixelfError if the kernel does not start it: `not-found`, `permission-denied`, `io`; `usage` if the start was
 *   not made by planRun
 */
export function become(
  start: Omit<Start, "limits"> & { variables?: Readonly<Record<string, string>> },
  inherited: readonly number[],
): never {
  checkMade("become", "the start", "planRun()", start, { arguments: "list of strings" });
  const { file, arguments: args, descriptors, variables = {} } = start;
  if (typeof file !== "number") checkPath("become", file);
  checkNumbers("become", "the descriptors", descriptors);
  checkNumbers("become", "those inherited", inherited);
  const replacing: Replacing = {
    file,
    arguments: args,
    variables: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    inherited: [...inherited, ...descriptors],
  };
  return native.replaceProcess(replacing);
}
