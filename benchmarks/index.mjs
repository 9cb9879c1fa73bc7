// The index of a store: the cost of keeping it up to date and of asking it.
import { spawnSync } from "node:child_process";
import { copyFileSync, lutimesSync, mkdirSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median } from "./measure.mjs";
import { describeStore, provideStore } from "./store.mjs";
import { printRows } from "./table.mjs";

const commandLine = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));
const library = new URL("../out/lib/", import.meta.url);

export const scenarios = [
  { name: "index", title: "The index of a store", run: (bench) => measure(1e5, bench) },
  {
    name: "index-million",
    title: "The index of a store of a million files",
    large: true,
    run: (bench) => measure(1e6, bench),
  },
];

async function measure(files, { rounds, scratch }) {
  const made = provideStore(scratch, files);
  console.log(describeStore(made));
  process.env.XDG_CACHE_HOME = join(scratch, "cache");
  const { freshIndex } = await import(new URL("store/index/fresh.js", library));
  const { reportIndex, removeIndex } = await import(new URL("store/index/report.js", library));
  const { scanStorePaths } = await import(new URL("store/index/scan.js", library));
  const { scan } = await import(new URL("scan/scan.js", library));
  const { Store } = await import(new URL("store/context.js", library));
  const { storePlace } = await import(new URL("store/place.js", library));
  const place = storePlace({ root: made.root });
  removeIndex(place);
  settle(made.store);

  const first = await timed(() => reportIndex(place));
  const { storePaths, elfFiles, size } = first.value;
  const scanned = await timed(async () => {
    for await (const _ of scan([made.store])); // what a first indexing is measured against
  });
  await setTimeout(1100);
  const index = await freshIndex(place, () => {});
  const [soname] = index.reader.names("lib");
  index.reader.close();
  const turns = { list: [], refresh: [], add: [], scan: [], find: [], node: [], command: [] };
  const add = async (name, action, round) => {
    const { milliseconds } = await timed(action);
    if (round > 0) turns[name].push(milliseconds); // the first round is a warm-up
  };
  for (let round = 0; round <= rounds; round++) {
    await add("list", () => readdirSync(made.store), round);
    await add("refresh", async () => (await freshIndex(place, () => {})).reader.close(), round);
    await add("find", () => new Store(place).providers([soname]), round);
    const start = (...args) => {
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
    };
    await add("node", () => start("-e", "0"), round);
    await add("command", () => start(commandLine, "find", soname, "--root", made.root), round);
    const added = addPath(made.store, round);
    await add("scan", () => scanStorePaths([basename(added)], place).next(), round);
    await add("add", async () => (await freshIndex(place, () => {})).reader.close(), round);
    rmSync(added, { recursive: true });
    settle(made.store);
    // For a second after a change, another change could leave the directory's times the same.
    await setTimeout(1100);
    (await freshIndex(place, () => {})).reader.close();
  }
  const titles = {
    list: "listing the store's directory",
    refresh: "refresh, nothing changed",
    scan: "scanning one path",
    add: "refresh, one path added",
    find: `find ${soname}, in the process`,
    node: "node -e 0",
    command: "fixelf find",
  };
  const row = (name, other) => {
    const ratio = () =>
      median(turns[name].map((turn, round) => turn / turns[other][round])).toFixed(2);
    return [
      titles[name],
      median(turns[name]).toFixed(2),
      other ? ratio() : "",
      other ? titles[other] : "",
    ];
  };
  printRows(
    [
      ["", "ms", "×", "beside"],
      [
        "first indexing",
        first.milliseconds.toFixed(0),
        (first.milliseconds / scanned.milliseconds).toFixed(2),
        "scanning all files",
      ],
      ["scanning all files", scanned.milliseconds.toFixed(0), "", ""],
      row("list"),
      row("refresh", "list"),
      row("scan"),
      row("add", "list"),
      row("find"),
      row("node"),
      row("command", "node"),
    ],
    {
      title: `${storePaths} store paths, ${elfFiles} libraries, an index of ${(size / 1e6).toFixed(0)} MB`,
      turns: Object.fromEntries(
        Object.entries(titles).map(([name, title]) => [
          title,
          turns[name].map((milliseconds) => ({ milliseconds })),
        ]),
      ),
      size: { count: files, unit: "files", series: "The index of a store" },
      targets: [
        { row: "first indexing", column: "×", atMost: 2 },
        { row: "fixelf find", column: "×", atMost: 1.25 },
      ],
    },
  );
  removeIndex(place);
  return [];
}

async function timed(action) {
  const start = performance.now();
  const value = await action();
  return { value, milliseconds: performance.now() - start };
}

/** As Nix leaves finished paths: with a time of 1. The store's own time is set in the past, too. */
function settle(store) {
  for (const name of readdirSync(store))
    if (/^[0-9a-z]{32}-/.test(name)) lutimesSync(join(store, name), 1, 1);
  utimesSync(store, 2, 2);
}

function addPath(store, round) {
  const path = join(store, `${String(round).padStart(32, "0")}-added-1.0`);
  mkdirSync(join(path, "lib"), { recursive: true });
  copyFileSync(process.execPath, join(path, "lib/libadded.so.1"));
  utimesSync(path, 1, 1);
  utimesSync(store, 2 + round, 2 + round);
  return path;
}
