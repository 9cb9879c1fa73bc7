// The benchmarks' page: what it shows about the figures, and that it needs nothing from elsewhere.
import { expect, it } from "vitest";

interface Row {
  cells: string[];
  milliseconds: number[];
  targets: { column: string; value: number; atMost: number; met: boolean }[];
}

const { pageOf }: { pageOf: (runs: object[]) => string } = await import(
  new URL("../benchmarks/page.mjs", import.meta.url).href
);

const machine = {
  node: "20.0.0",
  linux: "6.18",
  processors: "2 × <any>",
  memory: "24 GiB",
  fileSystem: "ext4",
  load: "0.1",
};

function table(count: number, milliseconds: number[]) {
  const size = { count, unit: "files", series: "Looking" };
  const rows: Row[] = [
    {
      cells: ["fixelf & more", "2.00", "0.50"],
      milliseconds,
      targets: [{ column: "× floor", value: 0.5, atMost: 1, met: true }],
    },
    {
      cells: ["other", "9.00", "3.00"],
      milliseconds: [],
      targets: [{ column: "× floor", value: 3, atMost: 1.5, met: false }],
    },
  ];
  return { title: `${count} files`, size, head: ["", "ms", "× floor"], rows };
}

it("the page shows each figure with its limit, and needs nothing else", () => {
  const tables = [table(100, [1, 2, 9]), table(10_000, [150, 200, 250])];
  const run = {
    ...{ name: "look", title: "Looking", date: "2026-01-02T03:04:05.000Z", rounds: 3, machine },
    ...{ leftOut: ["a tool that is not here"], tables },
  };
  const page = pageOf([run]);
  expect(page).toMatch(/^<!doctype html>/);
  expect(page).not.toMatch(/<script|<link|src=|https?:|@import|url\(/);
  expect(page).not.toMatch(/NaN|undefined|null/);
  expect(page).toContain("2 of 4 targets are met");
  expect(page).toContain("2026-01-02 03:04 · 3 rounds · 2 × &lt;any&gt; · 24 GiB");
  expect(page).toContain("<td>fixelf &amp; more</td><td>2.00</td>");
  expect(page).toContain('<span class="missed">× floor ≤ 1.5: missed</span>');
  expect(page).toContain("3 of 1.5");
  expect(page).toContain("Left out: a tool that is not here");
  // A hundred times as many files took a hundred times as long.
  expect(page).toContain("fixelf &amp; more: size^1.00");
});
