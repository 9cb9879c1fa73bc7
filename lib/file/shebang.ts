// The first line of a script, as Linux reads it (fs/binfmt_script.c, load_script).
import { textOf } from "../base/bytes.js";

/** BINPRM_BUF_SIZE, since Linux 5.1: how much of a script the kernel sees. */
export const shebangWindow = 256;

export interface Shebang {
  /** Without "#!" and the line end, but with a carriage return. */
  text: string;
  /** Empty if the line names none: the kernel then does not run it (ENOEXEC). */
  interpreter: string;
  /** Everything after the interpreter is one argument, including blanks. */
  argument: string | null;
  /** The line ends in CR LF: the CR is part of the last word. */
  carriageReturn: boolean;
  /** What the kernel's window cuts off: an interpreter leads to ENOEXEC, an argument is truncated. */
  cut: "interpreter" | "argument" | null;
}

/** `head` holds the first 256 bytes of a file, or all of it. null if it is not a script. */
export function parseShebang(head: Uint8Array): Shebang | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  const seen = bytes.subarray(0, shebangWindow).toString("latin1");
  if (!seen.startsWith("#!")) return null;
  const end = seen.indexOf("\n");
  // Without a line end, the window's last byte does not count; a shorter file is padded with NUL.
  const line = end === -1 ? seen.slice(2, shebangWindow - 1) : seen.slice(2, end);
  const isCut = end === -1 && seen.length === shebangWindow;
  const [, interpreter = "", rest = ""] = /^[ \t]*([^ \t\0]*)(.*)$/s.exec(line) ?? [];
  const argument = (/^[ \t]*([^\0]*?)[ \t]*(\0|$)/s.exec(rest)?.[1] ?? "") || null;
  return {
    text: asText(line.split("\0", 1)[0] as string),
    interpreter: asText(interpreter),
    argument: argument === null || rest.startsWith("\0") ? null : asText(argument),
    carriageReturn: end !== -1 && line.endsWith("\r"),
    cut: !isCut ? null : rest === "" ? "interpreter" : "argument",
  };
}

// What a word contains in place of a variable.
const variable = "\0";

/** What `env` is to start, according to the argument of a shebang line. */
export interface EnvCommand {
  /** With `-S` the argument is split into words; without it, the argument is one word. */
  split: boolean;
  /** What precedes the program's name, and what follows it, as written. */
  before: string;
  program: string;
  after: string;
  /** The PATH that the line sets for it; null if the line takes it away. */
  path?: string | null;
  /** Where it is started (`-C`). */
  directory?: string;
}

/** What `env` does with the argument of a shebang line, to which Linux adds the script's path. */
export type EnvReading =
  | ({ kind: "starts" } & EnvCommand)
  /** It is told only how to start what follows, which is the script itself. */
  | { kind: "starts-itself" }
  /** It exits with 125. */
  | { kind: "exits"; why: string }
  /** That depends on a variable, or on what is not known here. */
  | { kind: "unknown" };

/** Reads the argument of `#!/usr/bin/env`. null if it is not clear that a program is started, and which one. */
export function parseEnv(argument: string): EnvCommand | null {
  const reading = readEnv(argument);
  if (reading.kind !== "starts") return null;
  const { kind: _, ...command } = reading;
  return command;
}

/** As GNU's does (coreutils, src/env.c). */
export function readEnv(argument: string): EnvReading {
  const option = splitOption.exec(argument)?.[0];
  if (option === undefined) {
    const whole = { text: argument, start: 0, end: argument.length };
    return readWords([whole], argument, { split: false, flags: "" });
  }
  const words = splitWords(argument, option.length);
  if (typeof words === "string") return { kind: "exits", why: words };
  return readWords(words, argument, { split: true, flags: /^-([iv0]*)S/.exec(option)?.[1] ?? "" });
}

/** Whether `env` splits its argument. */
export function isSplit(argument: string): boolean {
  return splitOption.test(argument);
}

const splitOption = /^(-[iv0]*S|--split-string=)/;

interface Word {
  text: string;
  /** Where it is written. */
  start: number;
  end: number;
}

/** The words of `-S`, or why it cannot be split (build_argv). */
function splitWords(argument: string, from: number): Word[] | string {
  const words: Word[] = [];
  let word: Word | null = null;
  let quote = "";
  const add = (text: string, start: number, length: number) => {
    word ??= { text: "", start, end: start };
    word.text += text;
    word.end = start + length;
  };
  const end = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  const tokens = /\\.?|\$(?:\{[A-Za-z_]\w*\})?|./gs;
  for (const { 0: token, index } of argument.slice(from).matchAll(tokens)) {
    const start = from + index;
    const isEscape = token.startsWith("\\") && (quote !== "'" || /['\\]$/.test(token.slice(1)));
    if (isEscape) {
      if (token === "\\") return "it ends in a backslash";
      if (token === "\\c" && quote === "") break; // the rest is ignored
      if (token === "\\_" && quote === "") end();
      else if (/["#$'\\_fnrtv]$/.test(token))
        add(escaped[token.slice(1)] ?? token.slice(1), start, 2);
      else return `it does not know ${token}`;
    } else if (token.startsWith("$") && quote !== "'") {
      if (token === "$") return "it takes variables in braces only";
      add(variable, start, token.length);
    } else if (token === quote || (quote === "" && /["']/.test(token))) {
      quote = quote === "" ? token : "";
      add("", start, 1);
    } else if (quote === "" && /[ \t\n\v\f\r]/.test(token)) end();
    else if (quote === "" && token === "#" && word === null) break;
    else add(token, start, token.length);
  }
  if (quote !== "") return `its ${quote} is never closed`;
  end();
  return words;
}

const escaped: Record<string, string> = {
  ...{ _: " ", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
};

/** Options, then assignments, then the program (main). */
function readWords(
  words: readonly Word[],
  argument: string,
  { split, flags }: { split: boolean; flags: string },
): EnvReading {
  let cleared = flags.includes("i");
  let isNull = flags.includes("0");
  let path: string | null | undefined;
  let directory: string | undefined;
  let at = 0;
  for (; at < words.length; at++) {
    const { text } = words[at] as Word;
    if (text === "--") {
      at++;
      break;
    }
    if (!text.startsWith("-") || text === "-") break;
    const options = optionsIn(text);
    if (options === null) return { kind: "exits", why: `it does not know ${text}` };
    for (const { name, attached } of options) {
      if (name === "i") cleared = true;
      if (name === "0") isNull = true;
      if (!/[uCSa]/.test(name)) continue;
      const operand = attached ?? words[++at]?.text;
      if (operand === undefined || operand.includes(variable) || name === "S")
        return { kind: "unknown" };
      if (name === "u" && operand === "PATH") path = null;
      if (name === "C") directory = operand;
    }
  }
  if (words[at]?.text === "-") {
    cleared = true;
    at++;
  }
  if (cleared) path = null;
  for (; words[at]?.text.includes("="); at++) {
    const { text } = words[at] as Word;
    if (text.startsWith("PATH=")) path = text.slice("PATH=".length);
  }
  if (path?.includes(variable)) return { kind: "unknown" };
  if (isNull) return { kind: "exits", why: "it starts nothing with -0" };
  const word = words[at];
  if (word === undefined) return { kind: "starts-itself" };
  const { text: program, start, end } = word;
  if (program.includes(variable)) return { kind: "unknown" };
  if (at > 0 && program.startsWith("-"))
    return {
      kind: "exits",
      why: `it takes ${program} for a program, since its options end before that`,
    };
  return {
    ...{ kind: "starts", split, program },
    ...{ before: argument.slice(0, start), after: argument.slice(end) },
    ...(path !== undefined && { path }),
    ...(directory !== undefined && { directory }),
  };
}

interface Option {
  /** Its letter; empty if it has none. */
  name: string;
  /** An operand in the same word. */
  attached?: string | undefined;
}

/** The letter of each long option, if it has one; "S" if it does something else than start a program. */
const longOptions: Record<string, string> = {
  ...{ "ignore-environment": "i", null: "0", unset: "u", chdir: "C", "split-string": "S" },
  ...{ argv0: "a", debug: "v", help: "S", version: "S" },
  ...{ "default-signal": "", "ignore-signal": "", "block-signal": "", "list-signal-handling": "" },
};

/** The options in a word that begins with "-"; null if one is not known. */
function optionsIn(text: string): Option[] | null {
  if (text.startsWith("--")) {
    const [, name = "", , attached] = /^--([^=]*)(=(.*))?$/s.exec(text) ?? [];
    const fitting = Object.keys(longOptions).filter((each) => each.startsWith(name));
    const [only] = fitting.includes(name) ? [name] : fitting;
    if (only === undefined || (only !== name && fitting.length > 1)) return null;
    return [{ name: longOptions[only] ?? "", attached }];
  }
  const [, flags = "", operand, attached] = /^-([iv0]*)(?:([uCSa])(.*))?$/s.exec(text) ?? [];
  if (flags === "" && operand === undefined) return null;
  const taken = operand === undefined ? [] : [{ name: operand, attached: attached || undefined }];
  return [...[...flags].map((name) => ({ name })), ...taken];
}

/** Whether an interpreter is `env`, by its name. */
export function isEnv(interpreter: string): boolean {
  return /(^|\/)env$/.test(interpreter);
}

function asText(latin1: string): string {
  return textOf(Buffer.from(latin1, "latin1"));
}
