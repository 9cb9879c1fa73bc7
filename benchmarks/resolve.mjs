// The cost of telling which libraries the loader would open, for each library of the machine.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, pairedRatio } from "./measure.mjs";
import { printRows } from "./table.mjs";

const inProcess = fileURLToPath(new URL("resolve/in_process.mjs", import.meta.url));

export const scenarios = [
  { name: "resolve", title: "Resolving the libraries below /usr/lib", run: measure },
];

async function measure({ rounds }) {
  const files = libraries("/usr/lib");
  console.log(`${files.length} files whose names are those of libraries\n`);
  const left = spawnSync("libtree", ["--version"]).error ? ["libtree: it is not installed"] : [];
  const contestants = [
    { name: "fixelf, inside", run: () => JSON.parse(start([process.execPath, inProcess], files)) },
    { name: "fixelf, the process", run: () => timed([process.execPath, inProcess], files) },
    ...(left.length === 0
      ? [{ name: "libtree", run: () => timed(["libtree"], files, files) }]
      : []),
    { name: "node -e 0", run: () => timed([process.execPath, "-e", "0"], []) },
  ].map((contestant) => ({ ...contestant, turns: [] }));
  // The first round warms caches and is not counted.
  for (let round = 0; round <= rounds; round++)
    for (const { run, turns } of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const milliseconds = run();
      if (round > 0) turns.push({ milliseconds });
    }
  const libtree = contestants.find(({ name }) => name === "libtree");
  printRows(
    [
      ["", "ms", "ms a file", "× libtree"],
      ...contestants.map(({ name, turns }) => {
        const middle = median(turns.map(({ milliseconds }) => milliseconds));
        const ratio = libtree ? pairedRatio(turns, libtree.turns).toFixed(2) : "";
        return [name, middle.toFixed(1), (middle / files.length).toFixed(3), ratio];
      }),
    ],
    {
      turns: Object.fromEntries(contestants.map(({ name, turns }) => [name, turns])),
      targets: [{ row: "fixelf, inside", column: "× libtree", atMost: 0.6 }],
    },
  );
  return left;
}

/** Regular files named like libraries, at any depth; links lead to the same ones. */
function libraries(directory) {
  const { stdout } = spawnSync("find", [directory, "-type", "f", "-name", "*.so*"], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return stdout.split("\n").filter((path) => /\.so(\.[\d.]+)?$/.test(path));
}

/** libtree reports a failure where a library is missing; what counts is that it answered. */
function start([command, ...args], files, more = []) {
  const options = { input: JSON.stringify(files), encoding: "utf8", maxBuffer: 1 << 28 };
  const { error, stdout } = spawnSync(command, [...args, ...more], options);
  if (error) throw error;
  return stdout;
}

function timed(command, files, more) {
  const before = performance.now();
  start(command, files, more);
  return performance.now() - before;
}
