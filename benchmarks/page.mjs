// The benchmarks' page: one file without scripts, which needs nothing from elsewhere.
import { median } from "./measure.mjs";

/** `runs` as benchmarks/results.mjs keeps them. */
export function pageOf(runs) {
  const judged = runs.flatMap(({ tables }) =>
    tables.flatMap(({ rows }) => rows.flatMap(({ targets }) => targets)),
  );
  const met = judged.filter((target) => target.met).length;
  const contents = runs.map(
    ({ name, title }) => `<li><a href="#${name}">${escaped(title)}</a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>fixelf: benchmarks</title>
<style>${style}</style>
<h1>fixelf: benchmarks</h1>
<p>The last run of each scenario; ${met} of ${judged.length} targets are met. Bars are medians, lines
go over the middle half of the turns. What is compared, and how: benchmarks/README.md.</p>
<ul>${contents.join("")}<li><a href="#growth">How the cost grows</a></li></ul>
${runs.map(section).join("\n")}
${growth(runs)}
</html>
`;
}

function section({ name, title, date, rounds, machine, leftOut, tables }) {
  const { node, linux, processors, memory, fileSystem, load } = machine;
  const circumstances = [
    ...[
      date.slice(0, 16).replace("T", " "),
      `${rounds} rounds`,
      processors,
      memory,
      `Linux ${linux}`,
    ],
    ...[`Node ${node}`, fileSystem, `load ${load}`],
  ].join(" · ");
  const missing =
    leftOut.length > 0 ? `<p class="note">Left out: ${escaped(leftOut.join("; "))}</p>` : "";
  return `<section id="${name}"><h2>${escaped(title)}</h2>
<p class="note">${escaped(circumstances)}</p>${missing}
${tables.map((table) => `${caption(table)}${tableOf(table)}${bars(table)}${limits(table)}`).join("\n")}</section>`;
}

const caption = ({ title }) => (title ? `<h3>${escaped(title)}</h3>` : "");

function tableOf({ head, rows }) {
  const isJudged = rows.some(({ targets }) => targets.length > 0);
  const heads = [...head, ...(isJudged ? ["to reach"] : [])].map(
    (cell) => `<th>${escaped(cell)}</th>`,
  );
  const lines = rows.map(({ cells, targets }) => {
    const figures = cells.map((cell) => `<td>${escaped(cell)}</td>`).join("");
    const verdicts = targets.map(
      ({ column, atMost, met }) =>
        `<span class="${met ? "met" : "missed"}">${escaped(column)} ≤ ${atMost}: ${met ? "met" : "missed"}</span>`,
    );
    return `<tr>${figures}${isJudged ? `<td>${verdicts.join("<br>")}</td>` : ""}</tr>`;
  });
  return `<div class="wide"><table><tr>${heads.join("")}</tr>${lines.join("")}</table></div>`;
}

const labelWidth = 300;
const plotWidth = 480;
const lineHeight = 22;

/** A bar for each row whose turns are known. */
function bars({ rows }) {
  const measured = rows.filter(({ milliseconds }) => milliseconds.length > 0);
  if (measured.length === 0) return "";
  const most = Math.max(...measured.map(({ milliseconds }) => quantile(milliseconds, 0.75)));
  const x = (milliseconds) => (labelWidth + (milliseconds / most) * plotWidth).toFixed(1);
  const lines = measured.map(({ cells: [name], milliseconds }, index) => {
    const middle = index * lineHeight + lineHeight / 2;
    const value = median(milliseconds);
    const [low, high] = [0.25, 0.75].map((share) => quantile(milliseconds, share));
    return `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>
<rect class="${/fixelf/.test(name) ? "own" : "other"}" x="${labelWidth}" y="${middle - 7}" height="14" width="${(x(value) - labelWidth).toFixed(1)}"/>
<path d="M${x(low)} ${middle}H${x(high)}M${x(low)} ${middle - 4}v8M${x(high)} ${middle - 4}v8"/>
<text x="${labelWidth + plotWidth + 8}" y="${middle + 4}">${figure(value)} ms</text>`;
  });
  return svg(labelWidth + plotWidth + 100, measured.length * lineHeight, lines.join(""));
}

/** How much of its limit each limited figure uses; the line is the limit. */
function limits({ rows }) {
  const judged = rows.flatMap(({ cells, targets }) =>
    targets.map((target) => ({ ...target, name: `${cells[0]}, ${target.column}` })),
  );
  if (judged.length === 0) return "";
  const most = 2; // bars end there
  const lines = judged.map(({ name, value, atMost, met }, index) => {
    const middle = index * lineHeight + lineHeight / 2;
    const width = (Math.min(most, value / atMost) / most) * plotWidth;
    return `<text x="${labelWidth - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>
<rect class="${met ? "met" : "missed"}" x="${labelWidth}" y="${middle - 5}" height="10" width="${width.toFixed(1)}"/>
<text x="${labelWidth + plotWidth + 8}" y="${middle + 4}">${value} of ${atMost}</text>`;
  });
  const height = judged.length * lineHeight;
  const limit = `<path d="M${labelWidth + plotWidth / most} 0v${height}"/>`;
  return svg(labelWidth + plotWidth + 100, height, lines.join("") + limit);
}

/**
 * Median against size, both logarithmic, for each series of tables; the exponent is that of the power law that fits
 * best.
 */
function growth(runs) {
  const series = new Map();
  for (const { rows, size } of runs.flatMap(({ tables }) => tables))
    for (const { cells, milliseconds } of size === null ? [] : rows) {
      if (milliseconds.length === 0) continue;
      const title = `${size.series}, by ${size.unit}`;
      const lines = series.get(title) ?? new Map();
      series.set(title, lines);
      lines.set(cells[0], [...(lines.get(cells[0]) ?? []), [size.count, median(milliseconds)]]);
    }
  const charts = [...series].map(
    ([title, lines]) => `<h3>${escaped(title)}</h3>${growthChart(lines)}`,
  );
  return `<section id="growth"><h2>How the cost grows</h2>${charts.join("\n")}</section>`;
}

function growthChart(lines) {
  const drawn = [...lines].map(([name, points]) => [name, points.toSorted(([a], [b]) => a - b)]);
  const points = drawn.flatMap(([, each]) => each);
  const scale = (of, length) => {
    const logs = points.map((point) => Math.log10(point[of]));
    const [least, most] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
    return {
      least,
      most,
      at: (value) => ((Math.log10(value) - least) / Math.max(1, most - least)) * length,
    };
  };
  const [width, height, left] = [420, 260, 60];
  const [sizes, times] = [scale(0, width), scale(1, height)];
  const x = (size) => (left + sizes.at(size)).toFixed(1);
  const y = (milliseconds) => (height + 10 - times.at(milliseconds)).toFixed(1);
  const ticks = (axis) =>
    Array.from({ length: axis.most - axis.least + 1 }, (_, index) => 10 ** (axis.least + index));
  const grid = [
    ...ticks(sizes).map(
      (size) =>
        `<path class="grid" d="M${x(size)} 10v${height}"/><text x="${x(size)}" y="${height + 26}" text-anchor="middle">${exponent(size)}</text>`,
    ),
    ...ticks(times).map(
      (time) =>
        `<path class="grid" d="M${left} ${y(time)}h${width}"/><text x="${left - 6}" y="${Number(y(time)) + 4}" text-anchor="end">${figure(time)}</text>`,
    ),
  ];
  const colours = ["#0b6", "#c40", "#06c", "#a0a", "#880", "#555", "#0aa", "#d08"];
  const curves = drawn.map(([name, each], index) => {
    const colour = colours[index % colours.length];
    const path = each
      .map(([size, time], at) => `${at === 0 ? "M" : "L"}${x(size)} ${y(time)}`)
      .join("");
    const dots = each.map(
      ([size, time]) => `<circle cx="${x(size)}" cy="${y(time)}" r="3" fill="${colour}"/>`,
    );
    const label = `${name}${each.length > 1 ? `: size^${slope(each).toFixed(2)}` : ""}`;
    return `<path style="stroke:${colour};stroke-width:2" d="${path}"/>${dots.join("")}
<text x="${left + width + 16}" y="${24 + index * lineHeight}" style="fill:${colour}">${escaped(label)}</text>`;
  });
  return svg(
    left + width + 320,
    Math.max(height + 34, drawn.length * lineHeight + 24),
    [...grid, ...curves].join(""),
  );
}

/** Least squares on logarithms. */
function slope(points) {
  const logs = points.map((point) => point.map(Math.log));
  const mean = (of) => logs.reduce((sum, point) => sum + point[of], 0) / logs.length;
  const [sizes, times] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [size, time]) => sum + (size - sizes) * (time - times), 0);
  return covariance / logs.reduce((sum, [size]) => sum + (size - sizes) ** 2, 0);
}

/** The value below which a given share of the values lie. */
function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.round((values.length - 1) * share)];
}

const svg = (width, height, content) =>
  `<div class="wide"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${content}</svg></div>`;

const figure = (value) =>
  value >= 100
    ? value.toFixed(0)
    : value >= 1
      ? value.toFixed(1)
      : String(Number(value.toPrecision(2)));
const exponent = (value) =>
  `10${String(Math.round(Math.log10(value))).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`;
const escaped = (text) =>
  text.replace(
    /[&<>"]/g,
    (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character],
  );

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
h2 { margin-top: 2.5em; border-top: 1px solid #ccc; padding-top: 0.5em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5em 0 }
th, td { padding: 0.15em 0.8em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.wide { overflow-x: auto }
.note { color: #666 }
.met { color: #075 } .missed { color: #b20; font-weight: bold }
svg text { font-size: 12px; fill: currentColor }
svg path { stroke: #222; fill: none } svg path.grid { stroke: #ddd }
rect.own { fill: #0b6 } rect.other { fill: #9bd } rect.met { fill: #8cb } rect.missed { fill: #e87 }
`;
