import { expect, it } from "vitest";
import { possibleCells, type Cell, cellName, product, axes, whyImpossible, examples, impossibilities } from "./axes.js";
import { build } from "./build.js";
import { start } from "./run.js";
import { join } from "node:path";
import { appendFileSync } from "node:fs";
const values = { ...axes, relro: ["relro"], page: ["4/4"], hash: ["gnu"], ...JSON.parse(process.env.SURVEY ?? "{}") } as typeof axes;
const cells = product(values).filter((c) => process.env.ALL || whyImpossible(c) === null);
const log = process.env.LOG ?? "/tmp/mx/survey.txt";
for (const cell of cells) it.concurrent(cellName(cell), async () => {
  let r = "ok";
  try {
    const b = await build(cell);
    const a = await start(cell.machine, join(b.directory, "program"), { cwd: b.directory });
    if (a.stdout !== b.output || a.status !== 0) r = `RUN ${a.status} ${a.stderr.trim().split("\n")[0]} ${a.stdout}`;
  } catch (e) { r = `BUILD ${(e as Error).message.split("\n").slice(1).filter(l=>process.env.LEN || /error|fatal|not supp|undefined|relocation|exceed/i.test(l)).slice(0,process.env.LEN?99:2).join(" | ").slice(0, +(process.env.LEN ?? 300)) || (e as Error).message.slice(-300)}`; }
  appendFileSync(log, `${cellName(cell)}: ${r}\n`);
});
