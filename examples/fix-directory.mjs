// A build step: fixes all programs of a directory, and fails if one would not start.
//
//     node fix-directory.mjs DIRECTORY [ROOT]
//
// ROOT is another system's root directory, for an image that is being built.
import { apply, plan } from "fixelf";

const [directory = "", root = ""] = process.argv.slice(2);
const outcomes = await apply(await plan([directory], { root, gcRoot: root === "" }));

let broken = 0;
for (const { path, outcome, edits, error, remaining } of outcomes) {
  const why = error === null ? remaining : [error.message];
  if (why.length > 0) broken += 1;
  if (outcome !== "unchanged" || why.length > 0)
    console.log(`${outcome}  ${path}  ${[...edits.map(({ what }) => what), ...why].join(", ")}`);
}
if (broken > 0) process.exitCode = 1;
