// What the bytes of files name: store paths first, then loaders and libraries, and finally what could not be searched.
import type { Compressed, Mention } from "../addon/native.js";
import type { References, StorePathMentions } from "../store/references.js";
import { type Colors, inLines, joined, line, type Piece, type Shown } from "./shown.js";
import { plural } from "./text.js";

export function refsText(answers: readonly References[], colors: Colors): Shown {
  return joined(
    answers.map((answer) => answerText(answer, colors)),
    "\n\n",
  );
}

function answerText(answer: References, colors: Colors): Shown {
  const { path, files, bytes, storePaths, interpreters, sonames, notLookedInto } = answer;
  const searched = `${plural(files, "file")}, ${plural(bytes, "byte")}`;
  const lines = [line`${colors.bold(path)}  ${colors.dim(searched)}`];
  const section = (title: Piece, rows: readonly Piece[]) => {
    if (rows.length > 0) lines.push(line`  ${title}`, ...rows.map((row) => line`    ${row}`));
  };
  section(
    "store paths",
    storePaths.map((found) => storePathText(found, path, colors)),
  );
  section(
    "interpreters",
    interpreters.map((found) => mentionText(found, path, colors)),
  );
  section(
    "sonames",
    sonames.map((found) => mentionText(found, path, colors)),
  );
  section(
    colors.yellow("not looked into"),
    notLookedInto.map((found) => compressedText(found, path, colors)),
  );
  const more = [
    answer.moreMentions > 0 && `${plural(answer.moreMentions, "more mention")} of other names`,
    answer.moreCompressed > 0 && `${answer.moreCompressed} more that may be compressed`,
  ].filter((line) => line !== false);
  section(colors.yellow("not listed"), more);
  if (lines.length === 1) lines.push(line`  names no store path, interpreter or library`);
  return inLines(lines);
}

function storePathText(found: StorePathMentions, top: string, colors: Colors): Shown {
  const count = found.mentions.reduce((sum, mention) => sum + mention.count, 0);
  const [first] = found.mentions;
  const spellings = new Set(found.mentions.map(({ spelling }) => spelling));
  spellings.delete("plain");
  const remarks = [
    ...(found.present ? [] : ["not in the store"]),
    ...(found.present && !found.reference ? ["no reference to Nix"] : []),
    ...spellings,
  ];
  const remark = remarks.length === 0 ? "" : line`  ${colors.yellow(remarks.join(", "))}`;
  return line`${found.storePath}${remark}  ${where(first as Mention, count, top, colors)}`;
}

function mentionText(mention: Mention, top: string, colors: Colors): Shown {
  return line`${mention.text}  ${where(mention, mention.count, top, colors)}`;
}

function compressedText({ kind, path, offset, count }: Compressed, top: string, colors: Colors) {
  const often = count > 1 ? `${count}×, first ` : "";
  return line`${kind}  ${colors.dim(`${often}at byte ${offset}${below(path, top)}`)}`;
}

function where({ path, place, offset }: Mention, count: number, top: string, colors: Colors) {
  const often = count > 1 ? `${count}×, first ` : "";
  const spot = {
    content: `at byte ${offset}`,
    "file-name": "in the name",
    "link-target": "in the link's target",
  }[place];
  return colors.dim(`${often}${spot}${below(path, top)}`);
}

/** Which file in a directory. */
function below(path: string, top: string): string {
  return path === top ? "" : ` of ${path.slice(top.length).replace(/^\/+/, "")}`;
}
