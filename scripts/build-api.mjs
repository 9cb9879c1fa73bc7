// Generates docs/api from the declarations in dist: what the package exports, each export with its comment.
//
//     npm run build:ts && node scripts/build-api.mjs [DIRECTORY]
//
// Fails, and writes nothing, if an export or a member has no comment, if a function does not document what it throws,
// or if a type is used that is not exported: docs/embedding.md promises all of these. typedoc would do the same, but is
// based on TypeScript's interface before version 7.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { SyntaxKind } from "typescript/unstable/ast";
import { SymbolFlags } from "typescript/unstable/sync";
import { projectOf, top } from "./typescript.mjs";

const directory = resolve(process.argv[2] ?? join(top, "docs/api"));

/** One page for the exports of each directory in lib, in pipeline order. */
const pages = {
  file: "Facts and resolution: what a file says, and which files it would open",
  scan: "Scanning: the facts of whole trees",
  judge: "The tree of libraries that a program would load",
  doctor: "Findings: why a program does not run",
  fix: "Plan, outcome and undo: how programs are fixed",
  edit: "Edits: changes of a file as they are asked for",
  drop_in: "In a build: what nixpkgs' auto-patchelf and patchelf do",
  environment: "Environments: settings with which programs run unchanged",
  run: "Runs: programs that start unchanged",
  watch: "Watching: programs that are fixed as they arrive",
  get: "Getting: what nixpkgs has and the store lacks",
  closure: "Closures: what a program needs of the store, and what is kept for it",
  store: "The store: its loaders, its libraries, and what names its paths",
  base: "Errors, and the options of all calls",
  addon: "What the native core answers with",
};

/** What need not be repeated for each function. */
const every = `Every function that takes paths or options throws, or rejects with, a FixelfError \`usage\` where these are not
what they should be, and every one that takes a \`signal\` one of \`cancelled\` when that aborts. Whatever else it may throw
stands with it, by the error's \`code\`.`;

const { checker, program } = projectOf("tsconfig.types.json");

const problems = [];
/** The page that each export is on, by its name. */
const pageOf = new Map();
/** The file that declares it. */
const declaredIn = new Map();
/** Its anchor on that page. */
const anchorOf = new Map();
/** The existing error codes. */
const codes = new Set();

const index = program.getSourceFile(join(top, "dist/index.d.ts"));
const exported = checker
  .getExportsOfModule(checker.getSymbolAtLocation(index))
  .map((symbol) => (symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
  .map((symbol) => ({ symbol, name: symbol.name, node: symbol.declarations[0].resolve() }))
  .sort((one, other) => isType(one) - isType(other) || (one.name < other.name ? -1 : 1));
for (const each of exported) {
  each.source = relative(join(top, "dist"), each.node.getSourceFile().fileName).replace(
    /\.d\.ts$/,
    ".ts",
  );
  const page = each.source.split("/")[0];
  pageOf.set(each.name, page);
  declaredIn.set(each.name, each.symbol.declarations[0].path);
  // GitHub's anchors are lower case, with a number if a page has the same one twice.
  const alike = exported.filter(
    ({ name }) => pageOf.get(name) === page && name.toLowerCase() === each.name.toLowerCase(),
  ).length;
  anchorOf.set(each.name, each.name.toLowerCase() + (alike > 1 ? `-${alike - 1}` : ""));
  if (each.name === "FixelfErrorCode") readCodes(each);
}
const written = new Map(
  Object.entries(pages).map(([page, title]) => [
    `${page}.md`,
    `# ${title}\n\n${exported
      .filter(({ name }) => pageOf.get(name) === page)
      .map(entry)
      .join("\n")}`,
  ]),
);
written.set("README.md", contents(exported));
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
} else write(written);

function readCodes({ symbol, node, name }) {
  for (const [, code] of node.getText().matchAll(/"([\w-]+)"/g)) {
    codes.add(code);
    if (!commentOf(symbol).includes(`\`${code}\``))
      problems.push(`${name}: does not say what ${code} means`);
  }
}

function write(files) {
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory))
    if (name.endsWith(".md")) rmSync(join(directory, name));
  for (const [name, text] of files) writeFileSync(join(directory, name), text);
}

function isType({ node: { kind } }) {
  return kind === SyntaxKind.InterfaceDeclaration || kind === SyntaxKind.TypeAliasDeclaration;
}

function contents(exported) {
  const { version } = JSON.parse(readFileSync(join(top, "package.json"), "utf8"));
  const lines = Object.entries(pages).flatMap(([page, title]) => [
    `## [${title}](${page}.md)`,
    "",
    ...exported
      .filter(({ name }) => pageOf.get(name) === page)
      .map(({ name, symbol }) => `- ${link(name)}: ${firstSentence(commentOf(symbol))}`),
    "",
  ]);
  return `${["# The API", "", `Of fixelf ${version}; made from the declarations by \`npm run build:api\`. [docs/embedding.md](../embedding.md) shows its use.`, "", every, "", ...lines].join("\n").trimEnd()}\n`;
}

function entry({ name, symbol, node, source }) {
  const of = `${name} (lib/${source})`;
  const used = new Set();
  collectTypes(node, used, of);
  used.delete(name);
  const isFunction = node.kind === SyntaxKind.FunctionDeclaration;
  const lines = [
    `## ${name}`,
    "",
    ...["```ts", headOf(node), "```", ""],
    documented(symbol, of),
    "",
    ...(isFunction ? [...parameters(symbol), ...thrown(symbol, of)] : []),
    ...membersOf(node, "", of),
  ];
  const links = [...used].sort().map(link);
  if (links.length > 0) lines.push(`Types: ${links.join(", ")}`, "");
  lines.push(`Source: \`lib/${source}\``, "");
  return lines.join("\n").replace(/\n{3,}/g, "\n\n");
}

/** A declaration without its members, which follow it; one without members as it is written. */
function headOf(node) {
  const text = node.getText().replace(/^export (declare )?/, "");
  // Derived from a list that is not exported: show the resulting values.
  if (node.kind === SyntaxKind.TypeAliasDeclaration && text.includes("typeof")) {
    const values = checker.getTypeFromTypeNode(node.type).getTypes();
    return `type ${node.name.getText()} =\n${values.map(({ value }) => `  | "${value}"`).join("\n")};`;
  }
  if (node.kind === SyntaxKind.VariableDeclaration) return `const ${text}`;
  if (membersIn(node).length === 0)
    return text.replace(/^ {4,}/gm, (blanks) => " ".repeat(blanks.length / 2));
  return plain(text.slice(0, text.indexOf("{")));
}

function membersIn(node) {
  const literal = node.type?.kind === SyntaxKind.TypeLiteral ? node.type : node;
  return (literal.members ?? []).filter(
    ({ name, kind }) =>
      name?.kind !== SyntaxKind.PrivateIdentifier && kind !== SyntaxKind.SemicolonClassElement,
  );
}

function membersOf(node, indent, of) {
  const lines = membersIn(node).flatMap((member) => {
    if (member.kind === SyntaxKind.Constructor)
      return [`${indent}- \`new ${plain(member.getText()).slice("constructor".length)}\``];
    const symbol = checker.getSymbolAtLocation(member.name);
    const place = `${of}: ${member.name.getText()}`;
    const isIterator = member.name.kind === SyntaxKind.ComputedPropertyName;
    const comment = isIterator ? "" : documented(symbol, place);
    const { text, nested } = folded(member, comment, place);
    const item = `${indent}- \`${text}\`${comment === "" ? "" : `: ${comment}`}`;
    return [
      item.replace(/\n+/g, `\n${indent}  `),
      ...nested.flatMap((literal) => membersOf(literal, `${indent}  `, place)),
    ];
  });
  return lines.length > 0 && indent === "" ? [...lines, ""] : lines;
}

/**
 * A member with `{…}` for each object type in it, and these types. One whose members the comment names is not taken
 * apart.
 */
function folded(member, comment, of) {
  const literals = [];
  const find = (node) => {
    if (node.kind === SyntaxKind.TypeLiteral) literals.push(node);
    else node.forEachChild((child) => void find(child));
  };
  find(member);
  const isNamed = ({ name }) => comment.includes(`\`${name.getText()}\``);
  const nested = literals.filter(({ members }) => !members.every(isNamed));
  const whole = member.getSourceFile().text;
  let text = "";
  let at = member.getStart();
  for (const { pos, end } of nested) {
    text += `${whole.slice(at, pos)} {…}`;
    at = end;
  }
  text += whole.slice(at, member.end);
  if (text.includes("/*")) problems.push(`${of}: has a comment inside its type, which is lost`);
  return { text: plain(text), nested };
}

function plain(text) {
  return text
    .replace(/\s+/g, " ")
    .replace(/;? ?\}/g, " }")
    .replace(/;$/, "")
    .trim();
}

/** Names of exported types; a type from this project that is not exported is a problem. */
function collectTypes(node, used, of) {
  if (
    node.kind === SyntaxKind.TypeReference ||
    node.kind === SyntaxKind.ExpressionWithTypeArguments
  ) {
    const place = node.typeName ?? node.expression;
    let symbol = checker.getSymbolAtLocation(place);
    if (symbol && symbol.flags & SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    const declared = symbol?.declarations?.[0]?.path ?? "";
    if (declared.startsWith(join(top, "dist"))) {
      if (declaredIn.get(symbol.name) === symbol.declarations[0].path) used.add(symbol.name);
      else if (!(symbol.flags & SymbolFlags.TypeParameter))
        problems.push(`${of}: uses ${symbol.name}, which is not exported`);
    }
  }
  node.forEachChild((child) => void collectTypes(child, used, of));
}

function link(name) {
  return `[${name}](${pageOf.get(name)}.md#${anchorOf.get(name)})`;
}

function commentOf(symbol) {
  return (symbol?.getDocumentationComment(checker) ?? "").trim();
}

function documented(symbol, of) {
  const comment = commentOf(symbol);
  if (comment === "") problems.push(`${of}: has no comment`);
  return comment;
}

function parameters(symbol) {
  const tags = symbol.getJsDocTags(checker).filter(({ name }) => name === "param");
  const items = tags.map(({ text }) =>
    text.replace(/^(\w+)\s+/, "- `$1`: ").replace(/\n+/g, "\n  "),
  );
  return items.length > 0 ? [...items, ""] : [];
}

/** Every function documents what it throws, by existing codes, or that it throws nothing. */
function thrown(symbol, of) {
  const tags = symbol.getJsDocTags(checker).filter(({ name }) => name === "throws");
  if (tags.length === 0) problems.push(`${of}: does not say what it throws`);
  const texts = tags.map(({ text }) => text.trim());
  if (texts.some((text) => text !== "nothing" && !/`|as `/.test(text)))
    problems.push(`${of}: throws something without a code`);
  for (const text of texts)
    for (const [, word] of text.matchAll(/`([\w-]+)`/g))
      if (!codes.has(word) && !pageOf.has(word))
        problems.push(`${of}: throws ${word}, which is no code of an error`);
  return texts.flatMap((text) => [`Throws ${text.replace(/\.?$/, ".")}`, ""]);
}

function firstSentence(comment) {
  return (
    comment
      .replace(/\s+/g, " ")
      .match(/^.*?[.:;](?= |$)/)?.[0]
      .replace(/[:;]$/, ".") ?? comment
  );
}
