// Calls one function of the API again and again, for test/lifetime.test.ts, which ends the thread or the
// process meanwhile. Says "calling" when the first calls are under way.
//
//     node call-until-ended.mjs CALL worker|exit|throw|nothing DIRECTORY
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const [call, ending, directory] = isMainThread ? process.argv.slice(2) : workerData;
const api = await import(new URL("../../dist/index.js", import.meta.url));
const options = { index: false, store: `${directory}/no-store` };
const [file, tree] = [process.execPath, directory];

async function readAll(batches) {
  for await (const _ of batches);
}

const calls = {
  inspect: () => api.inspect(file),
  resolve: () => api.resolve(file, options),
  resolveAll: () => api.resolveAll([file, file], options),
  diagnose: () => api.diagnose([file], options),
  plan: () => api.plan([tree], { ...options, gcRoot: false }),
  references: () => api.references([file], options),
  scan: () => readAll(api.scan([tree, "/usr/bin"])),
};

async function callOnAndOn() {
  for (;;) await Promise.allSettled(Array.from({ length: 20 }, () => calls[call]()));
}

if (!isMainThread) {
  parentPort.postMessage("calling");
  callOnAndOn();
} else if (ending === "worker") {
  for (let time = 0; time < 5; time++) {
    const path = fileURLToPath(import.meta.url);
    const worker = new Worker(path, { workerData: [call, ending, directory] });
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    await new Promise((resolve) => setTimeout(resolve, 10 + 15 * time));
    await worker.terminate();
  }
  console.log("lives");
} else {
  if (ending === "nothing") await calls[call]();
  else callOnAndOn();
  setTimeout(
    () => {
      if (ending === "exit") process.exit(3);
      if (ending === "throw") throw new Error("thrown on purpose");
    },
    10 + 60 * Math.random(),
  );
}
