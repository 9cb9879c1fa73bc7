import { setTimeout as sleep } from "node:timers/promises";

/**
 * Milliseconds after which a program that was started counts as hanging, what is awaited as never
 * coming, and a test. Nothing is timed by them: beside busy compilers a test that takes two seconds
 * elsewhere has taken more than sixty.
 */
export const patience = 600_000;
export const patienceOfTest = 2 * patience;

/** Waits until something holds; what is awaited comes at once on an idle machine. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not in ${patience / 1000} s: ${what}`);
    await sleep(10);
  }
}
