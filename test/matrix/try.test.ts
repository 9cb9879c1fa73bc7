import { expect, it } from "vitest";
import { axes, type Cell, cellName, product, whyImpossible } from "./axes.js";
import { edits } from "./edits.js";
import { Trial } from "./trial.js";
import { appendFileSync } from "node:fs";
const values = { ...axes, relro: ["relro"], page: ["4/4"], hash: ["gnu"], ...JSON.parse(process.env.SURVEY ?? "{}") } as typeof axes;
const cells = product(values).filter((c) => whyImpossible(c) === null);
const only = new RegExp(process.env.EDITS ?? ".");
const log = process.env.LOG ?? "/tmp/mx/try.txt";
let n = 0;
for (const cell of cells) it.concurrent(cellName(cell), async () => {
  try {
  const t = await Trial.of(cell, `/tmp/mx/trial/${n++}`);
  for (const edit of edits.filter((e) => only.test(e.name))) {
    const at = Date.now();
    const v = await t.judge(edit);
    appendFileSync(log, `${cellName(cell)} | ${v.edit}: ${v.outcome} ${Date.now()-at}ms ${v.faults.length ? "FAULT " + v.faults.join("\n    ") : "ok"}\n`);
  }
  } catch (e) { appendFileSync(log, `${cellName(cell)}: FAULT ${(e as Error).message}\n`); throw e; }
});
