// Resolves the files named on standard input, and prints how many milliseconds it took.
import { readFileSync } from "node:fs";
import { resolveAll } from "../../dist/index.js";

const files = JSON.parse(readFileSync(0, "utf8"));
const start = performance.now();
const answers = await resolveAll(files);
const milliseconds = performance.now() - start;
if (!answers.some(({ status }) => status === "fulfilled")) throw new Error("nothing was resolved");
console.log(milliseconds);
