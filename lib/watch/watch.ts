// Fixes programs as they arrive: the pipeline, triggered when the kernel reports a change.
//
// A plan always covers a whole program, which is an entry of a watched directory with everything below it, so that
// libraries that come with it take precedence over the store's, in whatever order its files arrive. It is examined when
// it has been quiet for a moment and none of its files is being written.
import {
  type Arrival,
  type FileIdentity,
  fromNative,
  type NativeWatch,
  native,
  type Peek,
} from "../addon/native.js";
import { checkCount, checkOptions, checkPaths, type Kinds } from "../base/arguments.js";
import { type BigIntStats, lstatSync, realpathSync } from "../base/disk.js";
import type { FixelfError, FixelfErrorCode } from "../base/errors.js";
import { type PlanOptions, planKinds } from "../base/options.js";
import { libcAndMachine } from "../file/company.js";
import { contentOf } from "../file/content.js";
import { describeMachine, kernelRuns } from "../file/machine.js";
import { apply } from "../fix/apply.js";
import { addRoots, isRooted } from "../fix/gc_roots.js";
import type { FilePlan, FixPlan, Outcome } from "../fix/outcome.js";
import { planWith } from "../fix/plan.js";
import { Nix } from "../store/nix.js";
import { hostPath, placeOf } from "../store/place.js";
import { KeptStore } from "./kept_store.js";
import type { WatchEvent, WatchOutcome } from "./outcome.js";
import { type Pending, PendingSubjects } from "./pending.js";
import type { WatchedDirectory } from "./presets.js";
import { pathOf, type Root, rootsOf, subjectOf, subjectsAt } from "./roots.js";

/** How directories are watched. */
export interface WatchOptions extends Omit<PlanOptions, "output" | "inPlace"> {
  /** Write nothing, and report what would be fixed. */
  dryRun?: boolean;
  /** Ends the watch once files being written are complete; this is not an error. */
  signal?: AbortSignal;
  /** Told about the state of the watch. */
  onWatch?: (event: WatchEvent) => void;
  /** Milliseconds during which nothing may have happened in a program's tree. Default 100. */
  settle?: number;
  /** Seconds after which directories that cannot be watched are examined again. Default 30. */
  rescan?: number;
}

const { output: _output, inPlace: _inPlace, ...fixKinds } = planKinds;
const watchKinds: Kinds<WatchOptions> = {
  ...fixKinds,
  dryRun: "boolean",
  onWatch: "function",
  settle: "number",
  rescan: "number",
};

/** A tree that is constantly written to is examined nevertheless after this long (ms). */
const mostPatience = 5000;
/** Before retrying a file that changed, or that another process was changing (ms). */
const beforeRetry = 500;
/** Up to this many changes are examined individually, to see whether any could matter. */
const fewChanges = 512;

/**
 * Watches directories indefinitely: fixes what is there, then what arrives. Directories that do not exist yet are
 * waited for. Ends when `signal` aborts, or when the caller stops iterating.
 * @throws FixelfError `usage` and `in-store` for directories that may not be watched; `io` if the kernel does not allow
 *   watching at all
 */
export function watch(
  directories: readonly (string | WatchedDirectory)[],
  options: WatchOptions = {},
): AsyncGenerator<WatchOutcome, void> {
  const paths = Array.isArray(directories) ? Array.from(directories, nameOf) : directories;
  checkPaths("watch", paths);
  checkOptions("watch", options, watchKinds);
  checkCount("settle", options.settle ?? 0, 0, 3_600_000);
  checkCount("rescan", options.rescan ?? 1, 1, 86_400);
  return new Watch(directories, options).run();
}

/** Accepts whatever a caller has passed. */
function nameOf(directory: unknown): unknown {
  return typeof directory === "object" && directory !== null
    ? pathOf(directory as WatchedDirectory)
    : directory;
}

class Watch {
  readonly #options: WatchOptions;
  readonly #planOptions: PlanOptions;
  readonly #roots: Root[];
  readonly #nix: Nix;
  readonly #store: KeptStore;
  readonly #pending: PendingSubjects;
  readonly #rescan: number;
  /** What has been reported about a file, which is not repeated. */
  readonly #said = new Map<string, string>();
  /** What was last written under each name, whose events come back to us. */
  readonly #written = new Map<string, string>();
  /** For each file that was restored because it failed its check: its content and the edits. */
  readonly #givenBack = new Map<string, string>();
  /** What files that were passed over are for, by program. */
  readonly #passedOver = new Map<string, Set<string>>();
  readonly #unwatched = new Set<string>();
  /** Each root's identity when its watch began, to notice if another directory took its place. */
  readonly #identities = new Map<string, string>();
  #toldLimit = false;
  #failure: FixelfError | null = null;
  #wake: () => void = () => {};
  /** Arrivals are processed one batch after another, in order. */
  #taking: Promise<void> = Promise.resolve();

  constructor(directories: readonly (string | WatchedDirectory)[], options: WatchOptions) {
    const { dryRun, signal, onWatch, settle = 100, rescan = 30, ...planOptions } = options;
    this.#options = options;
    this.#planOptions = planOptions;
    this.#rescan = rescan;
    const place = placeOf(options);
    this.#roots = rootsOf(directories, hostPath(place.store, place));
    this.#nix = new Nix(place);
    this.#store = new KeptStore(planOptions);
    this.#pending = new PendingSubjects({ settle, most: Math.max(mostPatience, settle) });
  }

  async *run(): AsyncGenerator<WatchOutcome, void> {
    const { signal } = this.#options;
    if (signal?.aborted) return;
    const paths = this.#roots.map(({ path }) => path);
    let handle: NativeWatch;
    try {
      handle = new native.Watch(paths, (failure, arrivals) => {
        if (failure !== null) this.#failure = fromNative(failure);
        // Waiters are woken once everything that came together has been processed.
        if (arrivals !== null) this.#taking = this.#taking.then(() => this.#takeAll(arrivals));
        void this.#taking.then(() => this.#wake());
      });
    } catch (caught) {
      throw fromNative(caught);
    }
    const wake = () => this.#wake();
    signal?.addEventListener("abort", wake);
    const timer = setInterval(() => this.#lookAgain(handle), this.#rescan * 1000);
    try {
      while (!signal?.aborted) {
        if (this.#failure !== null) throw this.#failure;
        const due = this.#pending.take(performance.now());
        if (due.length > 0) yield* this.#fix(due);
        else await this.#sleep();
      }
    } finally {
      clearInterval(timer);
      signal?.removeEventListener("abort", wake);
      handle.stop();
    }
  }

  /** Until something arrives, a program is due, or the watch ends. */
  #sleep(): Promise<void> {
    const next = this.#pending.next();
    return new Promise((resolve) => {
      const timer =
        next === null ? undefined : setTimeout(resolve, Math.max(0, next - performance.now()) + 1);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      // It may have come between the check and this point.
      if (this.#failure !== null || this.#options.signal?.aborted) this.#wake();
    });
  }

  #tell(event: WatchEvent): void {
    this.#options.onWatch?.(event);
  }

  // -- what happens ------------------------------------------------------------------------------

  async #takeAll(arrivals: readonly Arrival[]): Promise<void> {
    // By the time the files have settled, the store is known.
    this.#store.warm();
    for (const arrival of arrivals) {
      if (arrival.kind === "present") await this.#takePresent(arrival.path);
      else this.#take(arrival);
    }
  }

  async #takePresent(root: string): Promise<void> {
    this.#identities.set(root, identityOf(root) ?? "");
    this.#tell({ kind: "watching", path: root });
    await this.#addAllAt(root);
  }

  async #addAllAt(directory: string): Promise<void> {
    const now = performance.now();
    for (const subject of await subjectsAt(directory, this.#roots))
      this.#pending.addAll(subject, now);
  }

  #take(arrival: Arrival): void {
    const { kind, path } = arrival;
    const now = performance.now();
    switch (kind) {
      case "absent":
        this.#identities.delete(path);
        this.#pending.removeBelow(path);
        this.#tell({ kind: "waiting", path });
        break;
      case "overflow":
        // The roots follow as "present".
        this.#tell({ kind: "overflow" });
        break;
      case "unwatched":
        this.#takeUnwatched(path, arrival.failure.code, arrival.failure.message);
        break;
      case "gone": {
        this.#said.delete(path);
        this.#written.delete(path);
        this.#givenBack.delete(path);
        this.#passedOver.delete(path);
        const subject = subjectOf(path, this.#roots, false);
        if (subject !== null) this.#pending.remove(subject, path);
        break;
      }
      case "directory":
      case "appeared":
      case "complete": {
        const subject = subjectOf(path, this.#roots, kind === "directory");
        if (subject === null) break;
        this.#pending.add(subject, path, kind === "appeared" ? "open" : kind, now);
        break;
      }
    }
  }

  #takeUnwatched(path: string, code: string, message: string): void {
    this.#unwatched.add(path);
    const atLimit = code === "limit-exceeded";
    if (atLimit && this.#toldLimit) return;
    this.#toldLimit ||= atLimit;
    const why = atLimit
      ? "this user watches as many directories as the kernel allows; raise it, on NixOS with " +
        'boot.kernel.sysctl."fs.inotify.max_user_watches" = 1048576, else with ' +
        "sysctl fs.inotify.max_user_watches=1048576"
      : message;
    this.#tell({ kind: "unwatched", path, message: why, seconds: this.#rescan });
  }

  /**
   * Handles what no event reports: directories that cannot be watched, and roots that were moved along with a parent.
   */
  #lookAgain(handle: NativeWatch): void {
    const moved = [...this.#identities].filter(([path, was]) => identityOf(path) !== was);
    if (moved.length > 0 || this.#unwatched.size > 0) handle.refresh();
    // One that no longer exists is reported as absent.
    for (const [path] of moved)
      if (identityOf(path) !== null)
        this.#taking = this.#taking.then(() => this.#takePresent(path));
    const unwatched = [...this.#unwatched];
    // Those that still cannot be watched will be reported again.
    this.#unwatched.clear();
    void Promise.all(unwatched.map((directory) => this.#addAllAt(directory))).then(() =>
      this.#wake(),
    );
  }

  // -- what is done about it -----------------------------------------------------------------------

  async *#fix(due: readonly Pending[]): AsyncGenerator<WatchOutcome, void> {
    const subjects: string[] = [];
    for (const pending of due)
      if (isItself(pending.subject) && (await this.#matters(pending)))
        subjects.push(pending.subject);
    if (subjects.length === 0) return;
    const planned = await this.#plan(subjects);
    const ready = await this.#filesToFix(planned.files);
    const refused = ready.filter(({ refusal }) => refusal !== null);
    const passedOver = planned.files.filter((file) => file.passedOver || isForOtherSystem(file));
    for (const file of await this.#forThisMachine([...refused, ...passedOver])) {
      if (file.refusal === null) continue;
      const { code, message, failed } = file.refusal;
      if (isOvertaken(code)) {
        this.#retry(file.host);
        continue;
      }
      const outcome = failed ? "failed" : "refused";
      yield* this.#once({ ...bare(file), edits: [], outcome, error: { code, message } }, file.host);
    }
    const fixable = ready.filter(({ refusal }) => refusal === null);
    if (this.#options.dryRun) {
      for (const file of fixable)
        yield* this.#once({ ...bare(file), outcome: "would-fix", error: null }, file.host);
      return;
    }
    if (fixable.length > 0 || planned.leftovers.length > 0)
      yield* this.#apply({ ...planned, files: fixable });
    if (planned.gcRoot) await this.#protect(planned.files.filter(isHealthy));
  }

  /**
   * Whether a change could have produced a program, or one of its libraries; otherwise, or if it is postponed, false.
   */
  async #matters(pending: Pending): Promise<boolean> {
    const now = performance.now();
    if (pending.open.size > 0 && !this.#pending.isOverdue(pending, now)) {
      if ((await native.peek([...pending.open])).includes("writing")) {
        this.#pending.postpone(pending, 0, now);
        return false;
      }
    }
    if (pending.changed === null) return true;
    // Our own writing is not news; what others have put there since is.
    const changed = [...pending.changed].filter((path) => !this.#isAsWritten(path));
    if (changed.length > fewChanges) return true;
    const found = await native.peek(changed);
    // Below a program's directory, such files are reported with those that can be fixed.
    const isForOther = () => otherSystemOf(pending.subject) !== null;
    return found.some((peek) => isProgram(peek) || peek === "link") || isForOther();
  }

  /** Whether a name leads to exactly the file that was written. Answers only once. */
  #isAsWritten(path: string): boolean {
    const written = this.#written.get(path);
    if (written === undefined) return false;
    this.#written.delete(path);
    return identityOf(path) === written;
  }

  /** All at once; if one of them makes that fail, one after another. */
  async #plan(subjects: readonly string[]): Promise<FixPlan> {
    try {
      return await planWith(this.#store.get(), subjects, this.#planOptions);
    } catch (caught) {
      const empty = await planWith(this.#store.get(), [], this.#planOptions);
      if (subjects.length > 1) {
        for (const subject of subjects) {
          const { files, leftovers } = await this.#plan([subject]);
          empty.files.push(...files);
          empty.leftovers.push(...leftovers);
        }
        return empty;
      }
      const { code, message } = fromNative(caught);
      // Programs come and go.
      const [path = ""] = subjects;
      if (code !== "not-found") this.#tell({ kind: "trouble", path, message });
      return empty;
    }
  }

  /** Those about which there is anything to report or do, except those being written at the moment. */
  async #filesToFix(files: readonly FilePlan[]): Promise<FilePlan[]> {
    const relevant = files.filter((file) =>
      file.refusal === null
        ? file.layout !== null && this.#givenBack.get(file.host) !== attemptAt(file)
        : file.refusal.code !== "not-elf",
    );
    const found = await native.peek(relevant.map(({ host }) => host));
    return relevant.filter((_, index) => isProgram(found[index]));
  }

  /**
   * Without those for other systems, machines and libcs, which a program includes by the dozen and one line summarizes.
   */
  async #forThisMachine(files: readonly FilePlan[]): Promise<FilePlan[]> {
    const own: FilePlan[] = [];
    const foreign = new Map<string, { machines: Set<string>; files: number }>();
    for (const file of files) {
      const machine = await whatForeignFileIsFor(file);
      const subject = subjectOf(file.host, this.#roots, false);
      if (machine === null || subject === null) {
        own.push(file);
        continue;
      }
      const group = foreign.get(subject) ?? { machines: new Set(), files: 0 };
      group.machines.add(machine);
      group.files += 1;
      foreign.set(subject, group);
    }
    for (const [path, { machines, files }] of foreign) {
      const known = this.#passedOver.get(path) ?? new Set();
      this.#passedOver.set(path, new Set([...known, ...machines]));
      if ([...machines].some((machine) => !known.has(machine)))
        this.#tell({ kind: "passed-over", path, files, machines: [...machines] });
    }
    return own;
  }

  async *#apply(planned: FixPlan): AsyncGenerator<WatchOutcome, void> {
    const attempts = planned.files.map(attemptAt);
    const outcomes = await apply(planned, {
      onWritten: ({ host }, left) => this.#written.set(host, named(left)),
    });
    for (const [index, { host }] of planned.files.entries()) {
      const outcome = outcomes[index] as Outcome;
      const code = outcome.error?.code;
      // Restoring it changes the file too: without this it would be fixed over and over.
      if (code === "verification-failed") this.#givenBack.set(host, attempts[index] as string);
      if (code !== undefined && isOvertaken(code)) {
        this.#retry(host);
      } else if (outcome.outcome === "fixed") {
        yield outcome as WatchOutcome;
      } else if (outcome.outcome !== "unchanged") {
        yield* this.#once(outcome as WatchOutcome, host);
      }
    }
  }

  #retry(path: string): void {
    const subject = subjectOf(path, this.#roots, false);
    if (subject === null) return;
    const now = performance.now();
    const again = { subject, changed: new Set([path]), open: new Set<string>() };
    this.#pending.postpone({ ...again, first: now, last: now }, beforeRetry, now);
  }

  /** What is refused would be refused again each time it is examined: it is reported once, until the file changes. */
  *#once(outcome: WatchOutcome, host: string): Generator<WatchOutcome, void> {
    const said = `${identityOf(host)} ${outcome.outcome} ${outcome.error?.message}`;
    if (this.#said.get(host) === said) return;
    this.#said.set(host, said);
    yield outcome;
  }

  /**
   * GC roots for programs that need no fix but refer to the store: one that has since been renamed, or whose fix was
   * ended by `kill -9` before it got that far.
   */
  async #protect(files: readonly FilePlan[]): Promise<void> {
    for (const { host, path, storePaths } of files) {
      try {
        if (await isRooted(host, storePaths)) continue;
        const [problem] = await addRoots([{ file: host, storePaths }], this.#nix);
        // Without Nix's help it fails for all.
        if (problem !== null) return;
      } catch (caught) {
        this.#tell({ kind: "trouble", path, message: (caught as Error).message });
        return;
      }
    }
  }
}

/** Another process was faster. What it made of the file is examined in turn. */
function isOvertaken(code: FixelfErrorCode): boolean {
  return code === "changed" || code === "busy";
}

/** What a program or library that is not an ELF file is for; null for any other file. */
function otherSystemOf(host: string): string | null {
  return contentOf(host).otherSystem ?? null;
}

/** Whether it is a watched program by itself. */
function isForOtherSystem({ host, refusal }: FilePlan): boolean {
  return refusal?.code === "not-elf" && otherSystemOf(host) !== null;
}

/** Whether a path leads to itself: not through a link, which may lead out of the directory. */
function isItself(path: string): boolean {
  try {
    return realpathSync(path) === path;
  } catch {
    return false; // it has gone
  }
}

function isProgram(peek: Peek | undefined): boolean {
  return peek === "elf" || peek === "script";
}

/**
 * Which edits would be made to which content. Restoring a file changes its inode and change time; its size and
 * modification time remain.
 */
function attemptAt({ host, edits }: FilePlan): string {
  const state = stateOf(host);
  return `${state?.size} ${state?.mtimeNs} ${JSON.stringify(edits)}`;
}

function isHealthy({ refusal, layout, storePaths }: FilePlan): boolean {
  return refusal === null && layout === null && storePaths.length > 0;
}

function bare(file: FilePlan): Omit<WatchOutcome, "outcome" | "error"> {
  const { path, kind, edits, reasons, missing } = file;
  return { path, kind, edits, reasons, verified: false, remaining: [], missing };
}

/** Identifies exactly the content under a name; null if nothing can be seen. The change time cannot be forged. */
function identityOf(path: string): string | null {
  const state = stateOf(path);
  if (state === null) return null;
  // A directory's size and times are those of its entries.
  if (state.isDirectory()) return [state.dev, state.ino].join(":");
  return named({
    device: state.dev,
    inode: state.ino,
    size: state.size,
    modifiedNanoseconds: state.mtimeNs,
    changedNanoseconds: state.ctimeNs,
  });
}

function stateOf(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return null; // it has gone, or a directory above it is not accessible
  }
}

function named(identity: FileIdentity): string {
  const { device, inode, size, modifiedNanoseconds, changedNanoseconds } = identity;
  return [device, inode, size, modifiedNanoseconds, changedNanoseconds].join(":");
}

/** The system, machine or libc; null for a file that something here may run. */
async function whatForeignFileIsFor({ host, passedOver }: FilePlan): Promise<string | null> {
  const facts = await native.inspect(host).catch(() => null);
  if (facts === null) return otherSystemOf(host);
  if (!kernelRuns(facts)) return describeMachine(facts);
  return passedOver ? libcAndMachine(facts) : null;
}
