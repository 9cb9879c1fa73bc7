import { setTimeout as sleep } from "node:timers/promises";

/**
 * Milliseconds after which a started program counts as hanging, an awaited event as never coming,
 * and a test as failed. They measure nothing: beside busy compilers a test that takes two seconds
 * elsewhere has taken more than sixty.
 */
export const patience = 600_000;
export const patienceOfTest = 2 * patience;

/** Waits until a condition holds; on an idle machine that is at once. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not in ${patience / 1000} s: ${what}`);
    await sleep(10);
  }
}
