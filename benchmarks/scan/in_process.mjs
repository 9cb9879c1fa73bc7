// Scans a store inside this process; the clock runs while the batches come.
import { inspect, scan } from "../../dist/index.js";

// Loading the addon counts as part of starting the process.
await inspect(process.execPath);

const start = performance.now();
let elf = 0;
for await (const batch of scan([process.argv[2]])) elf += batch.length;
const milliseconds = performance.now() - start;
console.log(JSON.stringify({ elf, milliseconds }));
