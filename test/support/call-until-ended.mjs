// Calls one function of the API again and again, for test/lifetime.test.ts, which ends the thread,
// the process or the calls meanwhile. Prints "calling" once the first calls are under way.
//
//     node call-until-ended.mjs CALL worker|exit|throw|nothing|abort DIRECTORY
//     node call-until-ended.mjs --list
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep, setImmediate as tick } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const [call, ending, directory] = isMainThread ? process.argv.slice(2) : workerData;
const api = await import(new URL("../../dist/index.js", import.meta.url));
const file = process.execPath;
const tree = `${directory}/tree`;
const place = { store: `${directory}/store` };
const plain = { ...place, index: false };
const system = {
  ...{ system: "x86_64-linux", own: true, loader: file, libc: "glibc" },
  ...{ directories: [], libraries: [], missing: [], storePaths: [], reasons: [] },
};

async function readAll(batches) {
  for await (const _ of batches);
}

/** A directory for this call alone. */
function ownDirectory() {
  mkdirSync(`${directory}/own`, { recursive: true });
  return mkdtempSync(`${directory}/own/`);
}

/** A program for this call alone, to be changed. */
function ownProgram() {
  const own = ownDirectory();
  copyFileSync(`${directory}/program`, join(own, "program"));
  return join(own, "program");
}

async function changed() {
  const program = ownProgram();
  await api.edit(program, { interpreter: "/nowhere/loader" });
  return program;
}

/** What has records when this process first asks for them. */
let withRecords;
function changedBefore() {
  withRecords ??= Promise.all(Array.from({ length: 20 }, changed));
  return withRecords;
}

/** By name, each as it is called with a signal; what a call requires is done before. */
const calls = {
  inspect: () => (signal) => api.inspect(file, { signal }),
  resolve: () => (signal) => api.resolve(file, { ...plain, signal }),
  resolveAll: () => (signal) => api.resolveAll([file, file], { ...plain, signal }),
  dependencyTree: () => (signal) => api.dependencyTree(file, { ...plain, signal }),
  diagnose: () => (signal) => api.diagnose([file], { ...plain, signal }),
  plan: () => (signal) => api.plan([tree], { ...plain, gcRoot: false, signal }),
  apply: async () => {
    const interpreter = `${place.store}/${"0".repeat(32)}-glibc/lib/loader`;
    const planned = await api.plan([ownProgram()], { ...plain, gcRoot: false, interpreter });
    return (signal) => api.apply(planned, { signal });
  },
  edit: () => {
    const program = ownProgram();
    return (signal) => api.edit(program, { interpreter: "/nowhere/loader" }, { signal });
  },
  patchelf: () => {
    const program = ownProgram();
    return (signal) => api.patchelf(program, { setInterpreter: "/nowhere/loader", signal });
  },
  autoPatchelf: () => {
    const bintools = `${directory}/bintools`;
    const options = { bintools, libs: [`${place.store}/${"0".repeat(32)}-glibc/lib`] };
    const program = ownProgram();
    return (signal) => api.autoPatchelf([program, tree], { ...options, signal });
  },
  undo: async () => {
    const program = await changed();
    return (signal) => api.undo([program], { signal });
  },
  remembered: async () => {
    await changedBefore();
    return (signal) => api.remembered([directory], { signal });
  },
  prune: async () => {
    await changedBefore();
    return (signal) => api.prune([], { signal });
  },
  closure: () => (signal) => api.closure(file, { ...plain, signal }),
  environment: () => (signal) => api.environment([file], { ...plain, signal }),
  makeFarm: () => {
    const farm = join(ownDirectory(), "farm");
    const at = api.storePlace(place);
    return (signal) => api.makeFarm(farm, [system], at, ["/usr/lib"], { signal });
  },
  planRun: () => (signal) => api.planRun(file, [], { ...plain, signal }),
  references: () => (signal) => api.references([file], { ...place, signal }),
  reportIndex: () => (signal) => api.reportIndex(api.storePlace(place), { rebuild: true, signal }),
  scan: () => (signal) => readAll(api.scan([tree, "/usr/bin"], { signal })),
  watch: () => (signal) =>
    readAll(api.watch([tree], { ...plain, dryRun: true, signal: until(signal) })),
  "Store.loaders": ofStore((store) => store.loaders()),
  "Store.providers": ofStore((store) => store.providers(["libc.so.6"])),
  "Store.libraries": ofStore((store) => store.libraries()),
  "Store.libraryNames": ofStore((store) => store.libraryNames("lib")),
  "Store.knowledge": ofStore((store) => store.knowledge()),
  "Store.packages": ofStore((store) => store.packages("libz.so.1")),
};

function ofStore(ask) {
  return () => (signal) =>
    ask(new api.Store(api.storePlace({ store: "/usr" }), { index: false, signal }));
}

/** A watch goes on until it is told to end. */
function until(signal) {
  return signal ?? AbortSignal.timeout(20);
}

async function callOnce(signal) {
  const ready = await calls[call]();
  await ready(signal);
}

async function callOnAndOn() {
  for (;;) {
    await Promise.allSettled(Array.from({ length: 10 }, () => callOnce()));
    await tick(); // a call that waits for nothing would let no timer run
  }
}

/** How a call ended that was aborted after so many milliseconds. */
async function aborted(milliseconds) {
  const ready = await calls[call]();
  const controller = new AbortController();
  const reason = new Error("wanted no longer");
  if (milliseconds === 0) controller.abort(reason);
  const answer = Promise.resolve()
    .then(() => ready(controller.signal))
    .then(
      () => "answered",
      (failure) => {
        if (failure.code !== "cancelled") return "failed"; // by itself, as it would without a signal
        return failure.cause === reason ? "cancelled" : "cancelled, without the reason";
      },
    );
  await sleep(milliseconds);
  controller.abort(reason);
  return answer;
}

if (call === "--list") {
  console.log(JSON.stringify({ calls: Object.keys(calls), exports: Object.keys(api) }));
} else if (!isMainThread) {
  parentPort.postMessage("calling");
  callOnAndOn();
} else if (ending === "worker") {
  for (let time = 0; time < 5; time++) {
    const path = fileURLToPath(import.meta.url);
    const worker = new Worker(path, { workerData: [call, ending, directory] });
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    await sleep(10 + 15 * time);
    await worker.terminate();
  }
  console.log("lives");
} else if (ending === "abort") {
  const descriptors = () => readdirSync("/proc/self/fd").length;
  const answers = [];
  for (let time = 0; time < 20; time++) answers.push(await aborted(time));
  const before = descriptors();
  for (let time = 0; time < 20; time++) answers.push(await aborted(time));
  console.log(JSON.stringify({ answers, more: descriptors() - before }));
} else {
  if (ending === "nothing") await callOnce();
  else callOnAndOn();
  setTimeout(
    () => {
      if (ending === "exit") process.exit(3);
      if (ending === "throw") throw new Error("thrown on purpose");
    },
    10 + 60 * Math.random(),
  );
}
