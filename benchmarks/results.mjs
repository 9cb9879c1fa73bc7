// The last run of each scenario, as JSON and as a page.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pageOf } from "./page.mjs";

const directory = fileURLToPath(new URL("../out/bench", import.meta.url));
const results = join(directory, "results.json");

/** Puts a run in the place of the scenario's last one; returns the page's path. */
export function keep(run) {
  mkdirSync(directory, { recursive: true });
  const earlier = existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : [];
  const kept = earlier.some(({ name }) => name === run.name)
    ? earlier.map((each) => (each.name === run.name ? run : each))
    : [...earlier, run];
  writeFileSync(results, `${JSON.stringify(kept, null, 1)}\n`);
  const page = join(directory, "index.html");
  writeFileSync(page, pageOf(kept));
  return page;
}
