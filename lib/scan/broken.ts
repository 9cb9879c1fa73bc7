// Which paths recorded in a file lead nowhere.
import { native } from "../addon/native.js";
import { resolveWith } from "../addon/resolutions.js";
import { existsSync } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { withoutOrigin } from "../file/search_path.js";
import type { ScanBatch } from "./batch.js";

/** Looks things up as the loader would, and remembers the answers: a store is repetitive. */
export class BrokenFinder {
  readonly #root: string;
  readonly #files: InstanceType<typeof native.Files>;
  readonly #there = new Map<string, boolean>();

  constructor(root = "") {
    this.#root = root;
    this.#files = new native.Files(root);
  }

  /** Absolute directories in RPATH and RUNPATH that do not exist. */
  deadDirectories(batch: ScanBatch, row: number): string[] {
    const searchPath = (batch.value("runpath", row) ?? batch.value("rpath", row)) as string | null;
    if (searchPath === null) return [];
    const file = batch.value("path", row) as string;
    return searchPath
      .split(":")
      .map((directory) => withoutOrigin(directory, file))
      .filter((directory) => directory.startsWith("/") && !directory.includes("$"))
      .filter((directory) => !this.#exists(directory));
  }

  /** Whether the program's interpreter is missing. */
  lacksInterpreter(batch: ScanBatch, row: number): boolean {
    const interpreter = batch.value("interpreter", row) as string | null;
    return interpreter !== null && !this.#exists(interpreter);
  }

  /**
   * A program that would not start because its interpreter or a library is missing, or a file whose search path names a
   * directory that does not exist. A library's own needs are not judged: whatever loads it may meet them.
   */
  async isBroken(batch: ScanBatch, row: number): Promise<boolean> {
    if (this.lacksInterpreter(batch, row)) return true;
    if (this.deadDirectories(batch, row).length > 0) return true;
    const type = batch.value("type", row);
    if (type !== "executable" && type !== "pie") return false;
    if (batch.value("interpreter", row) === null) return false;
    // A file that has since vanished cannot be examined.
    const path = batch.value("path", row) as string;
    const resolution = await resolveWith(this.#files, path).catch(unlessOfTheMoment(null));
    return resolution?.libraries.some(({ path, optional }) => path === null && !optional) ?? false;
  }

  #exists(path: string): boolean {
    let there = this.#there.get(path);
    if (there === undefined) {
      there = existsSync(this.#root === "" ? path : this.#files.hostPath(path));
      this.#there.set(path, there);
    }
    return there;
  }
}
