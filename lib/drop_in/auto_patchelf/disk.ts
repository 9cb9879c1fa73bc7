// What a plan asks of the disk, each thing once: many files need the same few libraries.
import type { Facts } from "../../addon/facts.js";
import { native } from "../../addon/native.js";
import { statSync } from "../../base/disk.js";

export class Disk {
  readonly #files = new native.Files("");
  readonly #facts = new Map<string, Facts | null>();
  readonly #realPaths = new Map<string, string>();
  readonly #kinds = new Map<string, "file" | "directory" | "other">();

  /** The facts of the ELF file at a path; null if there is none. */
  facts(path: string): Facts | null {
    return remembered(this.#facts, path, () => this.#files.look(path).facts);
  }

  /** The path without links; the path itself if nothing is there. */
  realPath(path: string): string {
    return remembered(this.#realPaths, path, () => {
      try {
        return this.#files.realPath(path);
      } catch {
        return path;
      }
    });
  }

  isFile(path: string): boolean {
    return this.#kind(path) === "file";
  }

  isDirectory(path: string): boolean {
    return this.#kind(path) === "directory";
  }

  #kind(path: string) {
    return remembered(this.#kinds, path, () => {
      const state = statSync(path, { throwIfNoEntry: false });
      return state?.isFile() ? "file" : state?.isDirectory() ? "directory" : "other";
    });
  }
}

function remembered<V>(known: Map<string, V>, key: string, find: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    value = find();
    known.set(key, value);
  }
  return value;
}
