// Checks the form of each row in share/nixpkgs-sonames.tsv, or in the file that is named, and prints what is wrong.
// With `--nixpkgs DIR`, a checkout of nixpkgs, also checks whether its files have the attributes, without evaluating
// them; those that cannot be confirmed in this way are printed too, but are not an error.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const given = parseArgs({ allowPositionals: true, options: { nixpkgs: { type: "string" } } });
const file =
  given.positionals[0] ?? fileURLToPath(new URL("../share/nixpkgs-sonames.tsv", import.meta.url));
const soname = /^[\w+.-]+\.so(\.[\w+.-]+)?$/;
const name = "[a-zA-Z_][\\w+'-]*";
const attribute = new RegExp(`^${name}(\\.${name})*$`);

const problems = [];
const text = readFileSync(file, "utf8");
const lines = text.split("\n");
const sources = new Set([...text.matchAll(/^# source (\S+)\s+\S/gm)].map(([, key]) => key));
if (!/^# date \d{4}-\d\d-\d\d$/m.test(text)) problems.push("head: no date");
if (lines.pop() !== "") problems.push("the last line has no end");

const used = new Set();
let previous = "";
for (const [at, line] of lines.entries()) {
  if (line.startsWith("#")) {
    if (previous !== "") problems.push(`${at + 1}: a comment between rows`);
    continue;
  }
  for (const why of problemsOf(line.split("\t"))) problems.push(`${at + 1}: ${why}`);
  previous = line.split("\t")[0];
}
for (const key of sources) if (!used.has(key)) problems.push(`head: no row has the source ${key}`);

if (given.values.nixpkgs !== undefined) checkAttributes(given.values.nixpkgs);

for (const problem of problems) console.log(`${file}:${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function problemsOf([library, present, formerly, output, note, source, ...more]) {
  const found = [];
  if (source === undefined || more.length > 0) found.push("not six columns");
  if (!soname.test(library)) found.push(`no soname: ${library}`);
  // Sonames are ASCII, so the order of UTF-16 units is that of bytes.
  if (library === previous) found.push(`${library} is there twice`);
  if (library < previous) found.push(`${library} is not sorted: it comes before ${previous}`);
  if (!attribute.test(present)) found.push(`no attribute: ${present}`);
  if (formerly !== "-" && !attribute.test(formerly)) found.push(`no attribute: ${formerly}`);
  if (formerly === present) found.push(`${present} was not renamed`);
  if (!/^(-|[a-z]+)$/.test(output)) found.push(`no output: ${output}`);
  const now = /^now:(.+)$/.exec(note)?.[1];
  const noted = /^(-|insecure|unfree|((insecure|unfree),)?until:\d\d\.\d\d(,by:(.+))?)$/.exec(note);
  if (noted === null && !soname.test(now)) found.push(`no note: ${note}`);
  if (noted?.[5] !== undefined && !lines.some((line) => line.startsWith(`${noted[5]}\t`)))
    found.push(`no row of what replaced it: ${noted[5]}`);
  if (!sources.has(source)) found.push(`unknown source: ${source}`);
  used.add(source);
  return found;
}

/** By nixpkgs' files: pkgs/by-name has one for each of most packages, pkgs/top-level names the others. */
function checkAttributes(nixpkgs) {
  const top = join(nixpkgs, "pkgs/top-level");
  const text = (name) => (existsSync(join(top, name)) ? readFileSync(join(top, name), "utf8") : "");
  const [packages, aliases] = [text("all-packages.nix"), text("aliases.nix")];
  const assigns = (content, each) =>
    new RegExp(`^\\s*(inherit .*\\b)?${each.replace(/[+]/g, "\\+")}\\b`, "m").test(content);
  const attributes = new Map();
  for (const line of lines) {
    const [library, present, , , note] = line.split("\t");
    if (!line.startsWith("#") && !note.includes("until:")) attributes.set(present, library);
  }
  for (const [present, library] of attributes) {
    const [first, ...below] = present.split(".");
    const folder = join(nixpkgs, "pkgs/by-name", first.slice(0, 2).toLowerCase(), first);
    if (assigns(aliases, first)) problems.push(`${library}: ${first} is an alias by now`);
    else if (below.length === 0 && existsSync(folder)) continue;
    else if (!assigns(packages, first)) problems.push(`${library}: there is no ${first}`);
    else if (below.length > 0)
      console.error(`not checked: ${present}, of the set ${first} (${library})`);
  }
}
