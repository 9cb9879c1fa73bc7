// What this process becomes, and the shapes that the ways to run share.

import type { Facts } from "../addon/facts.js";
import { native, type Replacing } from "../addon/native.js";
import type { EnvironmentProgram, SystemEnvironment } from "../environment/environment.js";

/** The ways, in the order in which they are tried. */
export const ways = ["namespace", "copy", "loader"] as const;
export type Way = (typeof ways)[number];

/** As a sentence names them. */
export const names: Record<Way, string> = {
  namespace: "in a namespace",
  copy: "as a fixed copy",
  loader: "through the loader",
};

/** A program that does not run as it is, and what is to be done about it. */
export interface Running {
  /** As the user wrote it: it becomes argv[0]. */
  named: string;
  /** Absolute, without links. */
  file: string;
  facts: Facts;
  program: EnvironmentProgram;
  environment: SystemEnvironment;
  /** Bytes, without argv[0]. */
  arguments: readonly Uint8Array[];
}

export interface Start {
  /** A path, or the descriptor of a file that may have none. */
  file: string | number;
  /** From argv[0]. */
  arguments: Uint8Array[];
  /** What is not as it would be if the program ran by itself. */
  limits: string[];
}

export function words(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => Buffer.from(text));
}

/**
 * Becomes the program. Terminal, signals, exit status and streams are then its own.
 * @throws FixelfError where the kernel does not start it
 */
export function become(start: Pick<Replacing, "file" | "arguments">, inherited: number[]): never {
  return native.replaceProcess({ file: start.file, arguments: start.arguments, inherited });
}
