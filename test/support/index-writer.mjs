// Brings the index of a store up to date, and kills itself at the given point.
//
//     node index-writer.mjs ROOT POINT MERGED
import { freshIndex } from "../../out/lib/store/index/fresh.js";
import { storePlace } from "../../out/lib/store/place.js";

const [root, point, merged] = process.argv.slice(2);
await freshIndex(storePlace({ root }), () => {}, {
  merged: merged === "true",
  at: (here) => {
    if (here === point) process.kill(process.pid, "SIGKILL");
  },
});
