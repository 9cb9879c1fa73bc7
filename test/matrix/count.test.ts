import { it } from "vitest";
import { everything, sample, impossibleCells } from "./sample.js";
import { possibleCells, product, axes } from "./axes.js";
it("counts", () => {
  const s = sample(); const e = everything();
  console.log(product(axes).length, possibleCells().length, s.length, s.reduce((n,t)=>n+t.edits.length,0), e.length, impossibleCells(false).length, impossibleCells(true).length);
  const m: Record<string, number> = {}; for (const t of s) m[t.cell.machine + " " + t.cell.compiler] = (m[t.cell.machine + " " + t.cell.compiler] ?? 0) + 1; console.log(m);
  const pe = new Map<string, Set<string>>(); for (const t of s) for (const x of t.edits) if (!x.refused?.(t.cell)) { if (!pe.has(x.name)) pe.set(x.name, new Set()); pe.get(x.name)!.add(t.cell.machine); } console.log([...pe].map(([k, v]) => k + " " + v.size).join("; "));
});
