// The loops of nixpkgs' fixup over the files of a package, with fixelf-patchelf as the patchelf of the PATH.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Material } from "./material.mjs";
import { median, pairedRatio } from "./measure.mjs";
import { patchelfs } from "./peers.mjs";
import { printRows } from "./table.mjs";

const ours = fileURLToPath(new URL("../build/Release/fixelf-patchelf", import.meta.url));
const fixup = fileURLToPath(new URL("patchelf/fixup.sh", import.meta.url));
const files = 2000;

export const scenarios = [
  {
    name: "fixup",
    title: "nixpkgs' fixup: --set-rpath, then --shrink-rpath, of each of 2,000 libraries",
    run: measure,
  },
];

async function measure({ rounds, scratch }) {
  if (!existsSync(ours)) return ["fixelf-patchelf: npm run build:native"];
  // It is on the PATH like any other; trixie's would need a loader of its own in front of it.
  const installed = patchelfs.find(({ command }) => command.length === 1);
  const contestants = [
    { name: "fixelf-patchelf", program: ours, variables: {} },
    {
      name: "fixelf-patchelf, PATCHELF_NO_FLUSH",
      program: ours,
      variables: { PATCHELF_NO_FLUSH: "1" },
    },
    ...(installed
      ? [{ name: installed.name, program: installed.command[0], isPeer: true, variables: {} }]
      : []),
    { name: "floor: the loops with true", program: "/bin/true", isFloor: true, variables: {} },
  ].map((each, index) => ({ ...each, turns: [], place: layOut(scratch, index, each.program) }));
  const originals = Material.sharedLibraries(700, 300e3).originals;
  const empty = join(scratch, "empty");
  mkdirSync(empty);
  // An empty directory, the libraries' own directories, and one that does not exist.
  const searchPath = [
    empty,
    ...directoriesOf(originals),
    `/nix/store/${"a".repeat(32)}-none/lib`,
  ].join(":");
  console.log(`${files} copies of ${originals.length} libraries of this machine\n`);
  // The first round warms caches and is not counted.
  for (let round = 0; round <= rounds; ++round) {
    for (const { place, variables, turns } of round % 2 === 0
      ? contestants
      : contestants.toReversed()) {
      const tree = copyTree(originals, place.tree);
      const before = performance.now();
      const { status, stderr } = spawnSync(fixup, [tree, searchPath], {
        env: { PATH: `${place.bin}:${process.env.PATH}`, ...variables },
        encoding: "utf8",
      });
      const milliseconds = performance.now() - before;
      if (status !== 0) throw new Error(`${fixup} failed:\n${stderr}`);
      if (round > 0) turns.push({ milliseconds });
      await setImmediate(); // lets signals be handled
    }
  }
  const peer = contestants.find(({ isPeer }) => isPeer);
  if (peer)
    compareResults(
      contestants.filter(({ isFloor }) => !isFloor),
      peer,
    );
  const floor = contestants.find(({ isFloor }) => isFloor);
  printRows(
    [
      ["", "ms", "from–to", "× patchelf", "× floor"],
      ...contestants.map(({ name, turns }) => {
        const times = turns.map(({ milliseconds }) => milliseconds);
        return [
          name,
          median(times).toFixed(0),
          `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`,
          peer ? pairedRatio(turns, peer.turns).toFixed(2) : "",
          pairedRatio(turns, floor.turns).toFixed(2),
        ];
      }),
    ],
    {
      turns: Object.fromEntries(contestants.map(({ name, turns }) => [name, turns])),
      targets: [{ row: /^fixelf/, column: "× patchelf", atMost: 0.9 }],
    },
  );
  return peer ? [] : ["patchelf, which is not installed"];
}

function layOut(scratch, index, program) {
  const bin = join(scratch, `bin-${index}`);
  mkdirSync(bin);
  symlinkSync(program, join(bin, "patchelf"));
  return { bin, tree: join(scratch, `tree-${index}`) };
}

function copyTree(originals, tree) {
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree);
  for (let index = 0; index < files; ++index)
    copyFileSync(originals[index % originals.length], join(tree, `lib-${index}.so`));
  return tree;
}

function directoriesOf(paths) {
  return [...new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/"))))];
}

/** A contestant that left other search paths or needed libraries behind has not done the same work. */
function compareResults(contestants, peer) {
  const answers = contestants.map(({ place }) =>
    ["--print-rpath", "--print-needed"].map((question) =>
      execFileSync(
        "sh",
        [
          "-c",
          'for file in "$3"/*; do "$1" "$2" "$file" || exit; done',
          "sh",
          peer.program,
          question,
          place.tree,
        ],
        { encoding: "utf8", maxBuffer: 1 << 28 },
      ),
    ),
  );
  const asked = answers[contestants.indexOf(peer)];
  for (const [index, { name }] of contestants.entries())
    if (answers[index].some((answer, question) => answer !== asked[question]))
      throw new Error(`${name} left other results than ${peer.name}`);
  console.log(
    `Read back by ${peer.name}: all of them left the same search paths and needed libraries.\n`,
  );
}
