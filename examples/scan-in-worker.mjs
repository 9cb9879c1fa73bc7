// A scan in a worker thread, which leaves the main thread to its own work: counts the files of each
// machine and type.
//
//     node scan-in-worker.mjs DIRECTORY…
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { scan } from "fixelf";

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) });
  worker.on("message", (counts) => console.table(Object.fromEntries(counts)));
} else {
  const counts = new Map();
  for await (const batch of scan(workerData)) {
    for (const { machine, type } of batch) {
      const kind = `${machine} ${type}`;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    for (const { path, message } of batch.failures) console.error(`${path}: ${message}`);
  }
  parentPort.postMessage(counts);
}
