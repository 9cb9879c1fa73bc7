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

/** What `env` is to start, according to the argument of a shebang line. */
export interface EnvCommand {
  /** With `-S` the argument is split into words; without it, the argument is one word. */
  split: boolean;
  /** What precedes the program's name, and what follows it, as written. */
  before: string;
  program: string;
  after: string;
}

/**
 * Reads the argument of `#!/usr/bin/env` (coreutils, src/env.c). null if the intended program cannot be determined:
 * quotes, escapes and variables inside `-S`, and options that are not known here.
 */
export function parseEnv(argument: string): EnvCommand | null {
  const command = readEnv(argument);
  return command?.program === "" ? null : command;
}

/** Whether `env` is told only, in separate words (`-S`), how to start what follows, and nothing follows. */
export function namesNoProgram(argument: string): boolean {
  return readEnv(argument)?.program === "";
}

/** The same, with an empty program name if there is none. */
function readEnv(argument: string): EnvCommand | null {
  const split = splitOption.exec(argument);
  if (split === null) {
    const isOption = argument.startsWith("-") || argument.includes("=");
    return isOption ? null : { split: false, before: "", program: argument, after: "" };
  }
  let before = split[0];
  let rest = argument.slice(before.length);
  let assigned = false;
  for (;;) {
    const [whole, word] = /^([^ \t]+)[ \t]*/.exec(rest) ?? [];
    if (whole === undefined || word === undefined)
      return { split: true, before, program: "", after: "" };
    if (/["'\\$#]/.test(word)) return null;
    // getopt_long stops at the first word that is not an option: what follows means something else.
    if (assigned && word.startsWith("-")) return null;
    const takesNext = /^(-u|-C|--unset|--chdir)$/.test(word);
    const isOption = /^(-|-[iv]+|-u.+|-C.+|--|--ignore-environment|--unset=.*|--chdir=.*)$/.test(
      word,
    );
    const isAssignment = !word.startsWith("-") && word.includes("=");
    if (!takesNext && !isOption && !isAssignment) {
      if (word.startsWith("-")) return null;
      return { split: true, before, program: word, after: rest.slice(word.length) };
    }
    const operand = takesNext ? (/^[^ \t]+[ \t]*/.exec(rest.slice(whole.length))?.[0] ?? null) : "";
    if (operand === null) return null;
    assigned ||= isAssignment;
    before += whole + operand;
    rest = rest.slice(whole.length + operand.length);
  }
}

/** Why `env` exits instead of splitting its argument (coreutils, src/env.c, build_argv); null if it splits it. */
export function whyNotSplit(argument: string): string | null {
  const option = splitOption.exec(argument)?.[0];
  if (option === undefined) return null;
  const words = argument.slice(option.length);
  let quote = "";
  for (const { 0: token, index } of words.matchAll(/\\.?|\$(?:\{[A-Za-z_]\w*\})?|./gs)) {
    if (quote === "'") {
      if (token === quote) quote = "";
    } else if (token.startsWith("\\")) {
      if (token === "\\") return "it ends in a backslash";
      if (token === "\\c" && quote === "") return null; // the rest is ignored
      if (!/["#$'\\_fnrtv]$/.test(token)) return `it does not know ${token}`;
    } else if (token === "$") {
      return "it takes variables in braces only";
    } else if (token === quote) {
      quote = "";
    } else if (quote === "") {
      if (token === "'" || token === '"') quote = token;
      if (token === "#" && /^\s?$/.test(words.slice(index - 1, index))) return null; // a comment
    }
  }
  return quote === "" ? null : `its ${quote} is never closed`;
}

const splitOption = /^(-[iv0]*S[ \t]*|--split-string(=|[ \t]+)|-[iv0]*[ \t]+-S[ \t]*)/;

/** Whether an interpreter is `env`, by its name. */
export function isEnv(interpreter: string): boolean {
  return /(^|\/)env$/.test(interpreter);
}

function asText(latin1: string): string {
  return textOf(Buffer.from(latin1, "latin1"));
}
