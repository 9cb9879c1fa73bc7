// Two actions on one file: the first one waits before each of its calls of the core in turn, while the second one runs
// to its end. What both report afterwards has to be true of the file.
import { AsyncLocalStorage } from "node:async_hooks";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  apply,
  type Outcome,
  plan,
  type UndoOutcome,
  undo,
  type WatchOutcome,
  watch,
} from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc } from "./support/store.js";

/** What an action does before each call; undefined for an action that is not to wait. */
const waiting = vi.hoisted(() => ({ before: undefined as (() => Promise<void>) | undefined }));

vi.mock("../lib/addon/native.js", async (original) => {
  const actual = await original<typeof import("../lib/addon/native.js")>();
  const stopping = ["inspect", "walk", "layOut", "layOutFirstLine", "apply", "run"].concat(
    ...["undo", "changedBelow", "recordedElsewhere", "removeAbandoned", "peek"],
  );
  const native = new Proxy(actual.native, {
    get(addon, name) {
      const found = Reflect.get(addon, name);
      if (!stopping.includes(name as string)) return found;
      return async (...given: unknown[]) => {
        await waiting.before?.();
        return (found as (...given: unknown[]) => unknown)(...given);
      };
    },
  });
  return { ...actual, native };
});

const isWaiting = new AsyncLocalStorage<boolean>();

/** Runs `second` before the `at`-th call of the core that `first` makes; null if it makes fewer. */
async function interleaved<First, Second>(
  first: () => Promise<First>,
  second: () => Promise<Second>,
  at: number,
): Promise<[First, Second] | null> {
  let calls = 0;
  let meanwhile: [Second] | null = null;
  waiting.before = async () => {
    if (isWaiting.getStore() !== true || ++calls !== at) return;
    meanwhile = [await isWaiting.run(false, second)];
  };
  const answer = await isWaiting.run(true, first);
  waiting.before = undefined;
  return meanwhile === null ? null : [answer, meanwhile[0]];
}

describe("two actions on one file", needs("gcc"), () => {
  const directory = scratchDirectory();
  const store = join(directory, "store");
  const interpreter = `${"i".repeat(32)}-bash-5.2/bin/bash`;
  let options: { store: string; gcRoot: false; interpreter: string };

  beforeAll(() => {
    const loader = copyGlibc(join(store, `${"a".repeat(32)}-glibc-2.36/lib`));
    options = { store, gcRoot: false, interpreter: loader };
    compile(join(directory, "program"), "int main(void) { return 0; }");
    const bash = join(store, interpreter);
    mkdirSync(join(bash, ".."), { recursive: true });
    copyFileSync(join(directory, "program"), bash);
    writeFileSync(join(directory, "script"), "#!/no/such/bash\necho\n", { mode: 0o755 });
  });

  /** A tree with one file, the one in question. */
  class Stage {
    readonly tree = scratchDirectory();
    readonly file = join(this.tree, "file");
    readonly original: Buffer;

    constructor(readonly kind: "program" | "script") {
      copyFileSync(join(directory, kind), this.file);
      this.original = this.content();
    }
    content(): Buffer {
      return readFileSync(this.file);
    }
    isOriginal(): boolean {
      return this.content().equals(this.original);
    }
    async fix(inPlace: boolean): Promise<Outcome> {
      const outcomes = await apply(await plan([this.file], { ...options, inPlace }));
      expect(outcomes).toHaveLength(1);
      return outcomes[0] as Outcome;
    }
    async undo(): Promise<UndoOutcome> {
      const outcomes = await undo([this.tree]);
      expect(outcomes).toHaveLength(1);
      return outcomes[0] as UndoOutcome;
    }
    /**
     * Everything that a watch reports about the file until it has fixed another one, which arrives once it has begun.
     */
    async watch(): Promise<WatchOutcome[]> {
      const outcomes: WatchOutcome[] = [];
      const last = join(this.tree, "last");
      for await (const outcome of watch([this.tree], {
        ...options,
        onWatch: ({ kind }) => {
          if (kind === "watching") copyFileSync(join(directory, this.kind), last);
        },
      })) {
        if (outcome.path === last) return outcomes;
        outcomes.push(outcome);
      }
      return outcomes;
    }
  }

  const saysChanged = ({ outcome, error }: Outcome | WatchOutcome) =>
    outcome !== "fixed" && (error?.code === "changed" || error?.code === "busy");

  const each = (["program", "script"] as const).flatMap((kind) =>
    [false, true].map((inPlace) => ({ kind, inPlace })),
  );

  /** Every point of the first action, one after the other; returns how many there were. */
  async function atEachPoint(check: (at: number) => Promise<boolean>): Promise<void> {
    let points = 0;
    while (await check(points + 1)) points++;
    expect(points).toBeGreaterThan(1);
  }

  it.each(each)("fix and fix: $kind, in place: $inPlace", async ({ kind, inPlace }) => {
    await atEachPoint(async (at) => {
      const stage = new Stage(kind);
      const both = await interleaved(
        () => stage.fix(inPlace),
        () => stage.fix(inPlace),
        at,
      );
      if (both === null) return false;
      const fixed = both.filter(({ outcome }) => outcome === "fixed");
      expect(fixed, `${at}: ${JSON.stringify(both)}`).toHaveLength(1);
      expect(fixed[0]?.verified).toBe(true);
      for (const each of both)
        expect(["fixed", "unchanged"].includes(each.outcome) || saysChanged(each)).toBe(true);
      expect(stage.isOriginal()).toBe(false);
      expect((await stage.undo()).outcome).toBe("restored");
      expect(stage.isOriginal()).toBe(true);
      return true;
    });
  });

  it.each(each)("fix, and undo meanwhile: $kind, in place: $inPlace", async ({ kind, inPlace }) => {
    await atEachPoint(async (at) => {
      const stage = new Stage(kind);
      const both = await interleaved(
        () => stage.fix(inPlace),
        () => stage.undo(),
        at,
      );
      if (both === null) return false;
      const [fixed, undone] = both;
      const said = `${at}: ${JSON.stringify(both)}`;
      if (undone.outcome === "restored") expect(saysChanged(fixed), said).toBe(true);
      else expect([fixed.outcome, undone.error?.code], said).toEqual(["fixed", "no-undo-record"]);
      expect(stage.isOriginal(), said).toBe(undone.outcome === "restored");
      return true;
    });
  });

  it.each(each)("undo, and fix meanwhile: $kind, in place: $inPlace", async ({ kind, inPlace }) => {
    await atEachPoint(async (at) => {
      const stage = new Stage(kind);
      await stage.fix(inPlace);
      const both = await interleaved(
        () => stage.undo(),
        () => stage.fix(inPlace),
        at,
      );
      if (both === null) return false;
      expect(both.map(({ outcome }) => outcome)).toEqual(["restored", "unchanged"]);
      expect(stage.isOriginal()).toBe(true);
      return true;
    });
  });

  it.each(each)("undo and undo: $kind, in place: $inPlace", async ({ kind, inPlace }) => {
    await atEachPoint(async (at) => {
      const stage = new Stage(kind);
      await stage.fix(inPlace);
      const both = await interleaved(
        () => stage.undo(),
        () => stage.undo(),
        at,
      );
      if (both === null) return false;
      const [undone, other] = both;
      expect([undone.outcome, undone.error?.code]).toEqual(["refused", "no-undo-record"]);
      expect(other.outcome).toBe("restored");
      expect(stage.isOriginal()).toBe(true);
      return true;
    });
  });

  it.each(["program", "script"] as const)("watch, and fix meanwhile: %s", async (kind) => {
    await atEachPoint(async (at) => {
      const stage = new Stage(kind);
      const both = await interleaved(
        () => stage.watch(),
        () => stage.fix(false),
        at,
      );
      if (both === null) return false;
      const [watched, other] = both;
      const all = [...watched, other];
      const said = `${at}: ${JSON.stringify(all)}`;
      expect(
        all.filter(({ outcome }) => outcome === "fixed"),
        said,
      ).toHaveLength(1);
      expect(watched.every(({ outcome }) => outcome === "fixed")).toBe(true);
      expect(stage.isOriginal()).toBe(false);
      return true;
    });
  });
});
