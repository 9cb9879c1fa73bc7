// What has arrived and not been examined yet, by program, and when each is due.

/** A program, or a tree of them, in which something has changed. */
export interface Pending {
  subject: string;
  /** What has changed in it; null for anything. */
  changed: Set<string> | null;
  /** Files that appeared and have not been closed yet, as far as is known. */
  open: Set<string>;
  /** When it began, and when something last came, in milliseconds on the monotonic clock. */
  first: number;
  last: number;
}

/** More changes than this in one program count as if everything had changed. */
const mostChanges = 16_384;

export interface Patience {
  /** How long nothing may have happened in it. */
  settle: number;
  /** After this long it is examined even if more keeps coming. */
  most: number;
}

/** Programs that have been quiet for a while come first; none waits forever. */
export class PendingSubjects {
  readonly #pending = new Map<string, Pending>();
  readonly #patience: Patience;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Anything may have changed in it. */
  addAll(subject: string, now: number): void {
    const pending = this.#at(subject, now);
    pending.changed = null;
    pending.last = now;
  }

  /** `open`: it may still be being written. A directory is only reported as a sign that more is coming. */
  add(subject: string, path: string, kind: "open" | "complete" | "directory", now: number): void {
    const pending = this.#at(subject, now);
    pending.last = Math.max(pending.last, now);
    if (kind === "directory") return;
    if (kind === "open") pending.open.add(path);
    else pending.open.delete(path);
    pending.changed?.add(path);
    if ((pending.changed?.size ?? 0) > mostChanges) pending.changed = null;
  }

  /** A file or directory has gone. */
  remove(subject: string, path: string): void {
    const pending = this.#pending.get(subject);
    if (pending === undefined) return;
    if (path === subject) this.#pending.delete(subject);
    // If the path was reported as a file, it was not a directory.
    const wasFile = [pending.open, pending.changed].map((each) => each?.delete(path));
    if (wasFile.includes(true)) return;
    for (const each of [pending.open, pending.changed])
      for (const file of each ?? []) if (file.startsWith(`${path}/`)) each?.delete(file);
  }

  /** Everything at or below a directory. */
  removeBelow(directory: string): void {
    for (const subject of this.#pending.keys())
      if (subject === directory || subject.startsWith(`${directory}/`))
        this.#pending.delete(subject);
  }

  /** Puts back what was taken out, to be taken again later. */
  postpone(pending: Pending, milliseconds: number, now: number): void {
    const { subject, changed, open, first } = pending;
    const again = this.#at(subject, first);
    again.first = Math.min(again.first, first);
    again.last = Math.max(again.last, now + milliseconds);
    for (const path of open) again.open.add(path);
    if (changed === null) again.changed = null;
    else for (const path of changed) again.changed?.add(path);
  }

  /** Those that are due; they are taken out. */
  take(now: number): Pending[] {
    const due = [...this.#pending.values()].filter((pending) => this.#dueAt(pending) <= now);
    for (const { subject } of due) this.#pending.delete(subject);
    return due;
  }

  /** Whether a program has been waited for long enough, even if things still happen in it. */
  isOverdue({ first }: Pending, now: number): boolean {
    return now - first >= this.#patience.most;
  }

  /** When the next one is due; null if none is waiting. */
  next(): number | null {
    let next: number | null = null;
    for (const pending of this.#pending.values())
      next = Math.min(next ?? Number.POSITIVE_INFINITY, this.#dueAt(pending));
    return next;
  }

  #dueAt({ first, last }: Pending): number {
    const { settle, most } = this.#patience;
    return Math.min(last + settle, first + most);
  }

  #at(subject: string, now: number): Pending {
    let pending = this.#pending.get(subject);
    if (pending === undefined) {
      pending = { subject, changed: new Set(), open: new Set(), first: now, last: now };
      this.#pending.set(subject, pending);
    }
    return pending;
  }
}
