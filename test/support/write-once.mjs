// Changes files, or undoes changes, in a process of its own, for test/faults.test.ts, which makes
// one of its system calls fail. Reports on standard output what became of each file, in JSON.
//
//     UV_THREADPOOL_SIZE=1 node write-once.mjs edit|edit-in-place|undo RECORDS RUNPATH FILE…
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const load = createRequire(import.meta.url)("node-gyp-build");
const native = load(fileURLToPath(new URL("../..", import.meta.url)));
const [action, records, runpath, ...files] = process.argv.slice(2);

// strace counts each thread's calls separately. Node's own thread opens files too; on the thread
// that makes the addon's calls, one after another, the relevant ones come later than all of those.
const lookFor = (path) => native.inspect(path).catch(() => undefined);
for (let index = 0; index < 400; ++index) await lookFor("/fixelf/none");

const layouts = [];
try {
  for (const file of action === "undo" ? [] : files) {
    layouts.push(await native.layOut(file, { searchPath: { value: runpath, tag: "runpath" } }));
  }
} catch (failure) {
  console.log(JSON.stringify(files.map(() => failure.code)));
  process.exit();
}
// From here on the calls count.
await lookFor("/fixelf/begin");
const inPlace = action === "edit-in-place";
const jobs = files.map((path, index) => ({ path, output: path, layout: layouts[index], inPlace }));
const answers = await (action === "undo"
  ? native.undo(files, records)
  : native.apply(jobs, records)
).catch((failure) => files.map(() => failure));
console.log(JSON.stringify(answers.map((answer) => answer?.code)));
