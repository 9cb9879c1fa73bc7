// npm run fuzz                    every target, twenty seconds each, as many at once as there are
//                                 processors, but no more than two
// npm run fuzz -- SECONDS         every target, so long each
// npm run fuzz -- TARGET SECONDS  one
//
// Builds the targets, makes seeds, and runs. Begins from the kept corpus (test/fuzz/corpus) and goes
// on from what earlier runs have found (out/fuzz/corpus). What ends a target is in out/fuzz/found.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { makeSeeds } from "./seeds.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const checkout = join(here, "..", "..");
const out = join(checkout, "out", "fuzz");
const native = readdirSync(join(here, "targets")).map((name) => name.replace(".cpp", ""));
const targets = [...native, "index"];

const [first, second] = process.argv.slice(2);
const one = targets.includes(first) ? first : undefined;
const seconds = Number((one ? second : first) ?? 20);
if (!Number.isInteger(seconds) || seconds < 1) {
  console.error(`npm run fuzz -- [TARGET] [SECONDS]; the targets are ${targets.join(", ")}`);
  process.exit(2);
}

// The build of the addon with the sanitizers (npm run build:sanitize) has the targets beside it.
const build = join(checkout, "out", "sanitize", "build");
const run = (command, ...parameters) =>
  execFileSync(command, parameters, { cwd: checkout, stdio: ["ignore", "ignore", "inherit"] });
const wanted = one ? [one] : targets;
const built = wanted.filter((target) => target !== "index");
if (built.length > 0) {
  run("npm", "run", "configure:sanitize");
  run("cmake", "--build", build, "--target", ...built.map((target) => `fuzz_${target}`));
}
const seeds = join(out, "seeds");
rmSync(seeds, { recursive: true, force: true });
makeSeeds(seeds);
const found = join(out, "found");
mkdirSync(found, { recursive: true });

// In CI the way is the same each time: a longer run is there to find new inputs.
process.env.FIXELF_FUZZ_SEED ??= process.env.CI ? "1" : `${Date.now() % 2 ** 31}`;

/** The command of a target. */
function commandOf(target) {
  if (target === "index") return [process.execPath, join(here, "index.mjs"), `${seconds}`];
  const corpus = join(out, "corpus", target);
  mkdirSync(corpus, { recursive: true });
  return [
    join(build, "test", "fuzz", target),
    corpus,
    ...[join(here, "corpus", target), join(seeds, target)].filter(existsSync),
    `-max_total_time=${seconds}`,
    `-seed=${process.env.FIXELF_FUZZ_SEED}`,
    "-max_len=32768",
    // How often an edge was met makes three times as many inputs worth keeping, which are then mutated one after the
    // other: by the edges alone a processor's second brings three times as many executions, and more edges.
    ...(process.env.CI ? [] : ["-use_counters=0"]),
    "-timeout=60", // by the clock; of processor time an input may take one second (target.cpp)
    "-rss_limit_mb=256",
    "-print_funcs=0", // names of functions are looked up in the debugging information each time
    "-print_final_stats=1",
    `-artifact_prefix=${found}/${target}-`,
  ];
}

/** What a target reports at its end. */
function statisticsOf(log) {
  const number = (name) => Number(log.match(new RegExp(`^stat::${name}: +(\\d+)`, "m"))?.[1] ?? 0);
  return {
    executions: number("number_of_executed_units"),
    memory: number("peak_rss_mb"),
    edges: Number([...log.matchAll(/ cov: (\d+)/g)].at(-1)?.[1] ?? 0),
  };
}

let failed = false;
async function fuzz(target) {
  const file = join(out, `${target}.log`);
  rmSync(file, { force: true });
  const log = openSync(file, "w");
  const [command, ...parameters] = commandOf(target);
  const child = spawn(command, parameters, {
    cwd: checkout,
    stdio: ["ignore", log, log],
    // Freed memory is kept for a while, to see what uses it: a multiple of what an execution frees. Where memory came
    // from is for a second run, of what was found and without these options: it costs a walk of the stack each time.
    env: {
      ...process.env,
      ASAN_OPTIONS: "quarantine_size_mb=2:detect_stack_use_after_return=0:malloc_context_size=0",
    },
  });
  const [code, signal] = await new Promise((resolve) => {
    child.on("close", (...ending) => resolve(ending));
    child.on("error", (error) => resolve([error.message, null]));
  });
  const text = readFileSync(file, "utf8");
  const { executions, memory, edges } = statisticsOf(text);
  console.log(
    `${target.padEnd(9)} ${executions.toLocaleString("en").padStart(12)} executions, ` +
      `${memory} MB at most${edges > 0 ? `, ${edges} edges` : ""}`,
  );
  if (code === 0) return;
  failed = true;
  console.log(text.slice(-6000));
  console.log(
    `${target} ended with ${signal ?? code}; all it said is in ${relative(checkout, file)}`,
  );
}

const waiting = [...wanted];
const worker = async () => {
  for (let target = waiting.shift(); target; target = waiting.shift()) await fuzz(target);
};
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
process.exitCode = failed ? 1 : 0;
