// One line that is overwritten repeatedly, on a terminal only.
import { isDirectory } from "../base/directories.js";
import { writeFully } from "../base/write_fully.js";
import { printable } from "../report/text.js";
import { isTerminal } from "./terminal.js";

export class ProgressLine {
  readonly #enabled = isTerminal(2) && process.env.TERM !== "dumb";
  readonly #text: () => string;
  #timer: NodeJS.Timeout | undefined;

  /** `text` is called a few times a second while the line is shown. */
  constructor(text: () => string) {
    this.#text = text;
  }

  start(): void {
    if (!this.#enabled || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#draw(), 150);
    this.#timer.unref();
    this.#draw();
  }

  /** Removes the line, so that something else can be written. */
  clear(): void {
    if (this.#timer !== undefined) writeFully(2, "\r\x1b[K");
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.clear();
    this.#timer = undefined;
  }

  #draw(): void {
    // A terminal that does not know its width reports 0.
    const width = Math.max(20, (process.stderr.columns || 80) - 1);
    writeFully(2, `\r\x1b[K${printable(this.#text()).slice(0, width)}`);
  }
}

/** A line of progress on stderr, already shown; null without a directory, or if stderr is not a terminal. */
export function progressLine(paths: readonly string[], text: () => string): ProgressLine | null {
  // A single file is done before anyone could read the line.
  const isLong = paths.some(isDirectory);
  if (!isLong || !isTerminal(2)) return null;
  const line = new ProgressLine(text);
  line.start();
  return line;
}

/** Shows a line on stderr while it works, if that is a terminal. */
export function withProgress<T>(
  paths: readonly string[],
  text: string,
  work: () => Promise<T>,
): Promise<T> {
  const line = progressLine(paths, () => text);
  return work().finally(() => line?.stop());
}
