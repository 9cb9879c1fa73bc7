// What --get does: announces what it will fetch, asks, fetches, and looks again.
import { createInterface } from "node:readline";
import { FixelfError } from "../base/errors.js";
import { writeFully } from "../base/write_fully.js";
import { type GetPlan, type Got, get, planGet, removeLinks, type Useless } from "../get/get.js";
import { gettingText, withoutText } from "../report/get.js";
import { line } from "../report/shown.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";
import { placeOf } from "../store/place.js";
import type { Output } from "./command.js";
import type { GetFlags } from "./get.js";
import { commonOptions } from "./options.js";
import { isTerminal } from "./terminal.js";

/** A loader comes first; then what is missing with it; then what that lacks. */
const mostRounds = 4;

export class Getting {
  readonly got: Got[] = [];
  readonly without: GetPlan["without"] = [];
  readonly #useless: Useless[] = [];
  readonly #flags: GetFlags & { dryRun?: boolean };
  readonly #output: Output;
  readonly #signal: AbortSignal;

  constructor(flags: GetFlags & { dryRun?: boolean }, output: Output, signal: AbortSignal) {
    this.#flags = flags;
    this.#output = output;
    this.#signal = signal;
  }

  /**
   * Fetches what is missing until nothing more is available; null if the user declines, and then nothing is kept.
   * @throws FixelfError
   */
  async until<Answer>(
    first: Answer,
    missingOf: (answer: Answer) => MissingLibrary[],
    again: () => Promise<Answer>,
  ): Promise<Answer | null> {
    let answer = first;
    try {
      for (let round = 0; round < mostRounds; round++) {
        const settled = new Set(this.without.map(({ soname }) => soname));
        const missing = missingOf(answer).filter(({ soname }) => !settled.has(soname));
        if (missing.length === 0) break;
        const outcome = await this.#get(missing);
        if (outcome === "refused") {
          await this.giveUp();
          return null;
        }
        if (outcome === "nothing") break;
        answer = await again();
        // The next round tries the next best package.
        await this.#dropWhatLied(missingOf(answer));
      }
    } catch (failure) {
      await this.giveUp();
      throw failure;
    }
    return answer;
  }

  /** Nothing that was fetched is kept any longer. */
  async giveUp(): Promise<void> {
    await removeLinks(this.got);
    this.got.length = 0;
  }

  /** What nothing refers to after all is kept no longer. */
  async keepOnlyUsed(): Promise<void> {
    const { unusedOf } = await import("../fix/gc_roots.js");
    const unused = new Set(await unusedOf(this.got.map(({ storePath }) => storePath)));
    await removeLinks(this.got.filter(({ storePath }) => unused.has(storePath)));
  }

  /** For what no fixed file keeps. */
  sayWhatKeeps(): void {
    for (const { attribute, link } of this.got)
      this.#output.say(line`${attribute} is kept from garbage collection until you remove ${link}`);
  }

  async #get(missing: readonly MissingLibrary[]): Promise<"got" | "nothing" | "refused"> {
    const { nixpkgs, dryRun } = this.#flags;
    const options = {
      ...{ nixpkgs, signal: this.#signal, shown: isTerminal(2) && !this.#flags.json },
      useless: this.#useless,
    };
    const place = placeOf(commonOptions(this.#flags));
    const plan = await planGet(missing, place, options);
    this.without.push(...plan.without);
    for (const each of withoutText(plan)) this.#output.say(each);
    if (plan.packages.length === 0) return "nothing";
    this.#output.say(gettingText(plan));
    if (dryRun) return "nothing";
    if (!this.#flags.yes && !(await ask(this.#signal))) {
      this.#output.say(line`Nothing was fetched or changed.`);
      return "refused";
    }
    this.got.push(...(await get(plan, place, options)));
    return "got";
  }

  /** Listings and databases can be wrong: drops what was fetched but has none of what is still missing. */
  async #dropWhatLied(missing: readonly MissingLibrary[]): Promise<void> {
    const still = new Set(missing.map(({ soname }) => soname));
    for (const each of [...this.got]) {
      const { attribute, storePath, sonames, source } = each;
      const absent = sonames.filter((soname) => still.has(soname));
      if (absent.length === 0) continue;
      this.#useless.push(...absent.map((soname) => ({ soname, storePath })));
      const what = `${storePath} (${attribute}) does not bring what is needed of ${absent.join(", ")}`;
      this.#output.say(line`fixelf: ${what}, which was said to be there (${source})`);
      if (absent.length < sonames.length) continue;
      await removeLinks([each]);
      this.got.splice(this.got.indexOf(each), 1);
    }
  }
}

/**
 * Waits for the answer while still responding to signals.
 * @throws FixelfError `usage` if there is no terminal to ask on, `cancelled`
 */
async function ask(signal: AbortSignal): Promise<boolean> {
  if (!isTerminal(0) || !isTerminal(2))
    throw new FixelfError(
      "usage",
      "nothing was fetched: there is no terminal to ask on; add --yes",
    );
  writeFully(2, "Go on? [Y/n] ");
  const lines = createInterface({ input: process.stdin });
  try {
    const line = await new Promise<string | null>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("close", () => resolve(null));
      const cancel = () =>
        reject(new FixelfError("cancelled", "cancelled; nothing was fetched or changed"));
      if (signal.aborted) cancel();
      signal.addEventListener("abort", cancel, { once: true });
    });
    return line !== null && /^\s*(y|yes)?\s*$/i.test(line);
  } finally {
    lines.close();
  }
}
