// Writes fixelf's answers to the questions in a JSON file, in their order, as JSON. Run inside the
// test world.
import { readFileSync, writeFileSync } from "node:fs";

const [library, questionsFile, answersFile] = process.argv.slice(2);
const { resolveAll } = await import(library);
const questions = JSON.parse(readFileSync(questionsFile, "utf8"));
const answers = [];
// Questions with the same assumptions are asked together.
const groups = new Map();
for (const [index, { file, loader, libraryPath }] of questions.entries()) {
  const key = JSON.stringify({ interpreter: loader, libraryPath });
  if (!groups.has(key)) groups.set(key, []);
  groups.get(key).push({ file, index });
}
for (const [key, group] of groups) {
  const settled = await resolveAll(
    group.map(({ file }) => file),
    JSON.parse(key),
  );
  for (const [position, { index }] of group.entries()) {
    if (settled[position].status === "rejected") throw settled[position].reason;
    const { value } = settled[position];
    // The evidence is long, and no loader gives any; only the last place is kept, where the search may have stopped.
    for (const library of value.libraries) library.tried = library.tried.slice(-1);
    answers[index] = value;
  }
}
writeFileSync(answersFile, JSON.stringify(answers));
