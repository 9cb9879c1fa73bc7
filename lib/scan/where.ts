// `--where`: a small language for choosing rows.
//
//     type = pie and size > 1e6 and not relro = full
//     needed has libssl.so.* or interpreter = null
//
// FIELD is a column's name, or one of the few below; a value is a word, "…" or '…'. `=`, `!=`, `<`, `<=`,
// `>`, `>=` compare; `has` asks whether a list holds a value; `=`, `!=` and `has` take globs.
//
// Little is known about a file that could not be read, and much of an expression is undecided: neither true nor
// false, as NULL is in SQL (Kleene's logic).
import { FixelfError } from "../base/errors.js";
import type { ScanBatch } from "./batch.js";
import { glob } from "./glob.js";
import { knownValue } from "./known_values.js";
import { neededVersions } from "./needed_versions.js";
import { isKnown } from "./unreadable.js";

/** Whether a row of a batch is wanted; null if that depends on what could not be read. */
export type RowFilter = (batch: ScanBatch, row: number) => boolean | null;

/**
 * Reads an expression.
 * @throws FixelfError `usage`, with the position that is not understood.
 */
export function parseWhere(text: string): RowFilter {
  return new Parser(text).parse();
}

const tokenPattern = /\s*(?:([()]|!=|<=|>=|[=<>])|"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s()=<>!"']+))/y;
const deepest = 100;

interface Token {
  kind: "sign" | "quoted" | "word";
  text: string;
  at: number;
}

class Parser {
  readonly #text: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  parse(): RowFilter {
    const filter = this.#either();
    if (this.#next < this.#tokens.length) throw this.#unexpected("and, or, or the end");
    return filter;
  }

  #either(): RowFilter {
    let filter = this.#both();
    while (this.#take("or")) {
      const [one, other] = [filter, this.#both()];
      filter = (batch, row) => decided(true, one(batch, row), () => other(batch, row));
    }
    return filter;
  }

  #both(): RowFilter {
    let filter = this.#single();
    while (this.#take("and")) {
      const [one, other] = [filter, this.#single()];
      filter = (batch, row) => decided(false, one(batch, row), () => other(batch, row));
    }
    return filter;
  }

  #single(): RowFilter {
    if (++this.#depth > deepest) throw this.#unexpected("less nesting");
    try {
      if (this.#take("not")) {
        const filter = this.#single();
        return (batch, row) => {
          const verdict = filter(batch, row);
          return verdict === null ? null : !verdict;
        };
      }
      if (this.#take("(")) {
        const filter = this.#either();
        if (!this.#take(")")) throw this.#unexpected(")");
        return filter;
      }
      return this.#comparison();
    } finally {
      this.#depth--;
    }
  }

  #comparison(): RowFilter {
    const field = this.#tokens[this.#next];
    if (field?.kind !== "word") throw this.#unexpected("the name of a field");
    this.#next++;
    const read = fieldReader(field.text);
    const sign = this.#tokens[this.#next];
    const isSign = sign?.kind === "sign" && !"()".includes(sign.text);
    if (!isSign && sign?.text !== "has") throw this.#unexpected("=, !=, <, <=, >, >= or has");
    this.#next++;
    const value = this.#tokens[this.#next];
    if (value === undefined || value.kind === "sign") throw this.#unexpected("a value");
    this.#next++;
    const isNull = value.kind === "word" && value.text === "null";
    const isEquality = sign?.text === "=" || sign?.text === "!=";
    const known = isEquality && !isNull ? knownValue(field.text, value.text) : value.text;
    const compare = comparison(read, sign?.text as string, { ...value, text: known });
    return (batch, row) => (isKnown(batch, row, field.text) ? compare(batch, row) : null);
  }

  /** Keywords and operators; a quoted "and" is a value. */
  #take(text: string): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.kind === "quoted" || token.text !== text) return false;
    this.#next++;
    return true;
  }

  #unexpected(wanted: string): FixelfError {
    const token = this.#tokens[this.#next];
    const place = token === undefined ? "its end" : `“${this.#text.slice(token.at).trim()}”`;
    return new FixelfError("usage", `--where: expected ${wanted} at ${place}`);
  }
}

/** Combines two verdicts: `deciding` if either is, null if neither is and one of them is undecided. */
function decided(
  deciding: boolean,
  one: boolean | null,
  other: () => boolean | null,
): boolean | null {
  if (one === deciding) return one;
  const second = other();
  return second === deciding || one !== null ? second : null;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (text.slice(tokenPattern.lastIndex).trim() !== "") {
    const at = tokenPattern.lastIndex;
    const match = tokenPattern.exec(text);
    if (match === null)
      throw new FixelfError("usage", `--where: cannot read “${text.slice(at).trim()}”`);
    const [, sign, quoted, plain, word] = match;
    if (sign !== undefined) tokens.push({ kind: "sign", text: sign, at });
    else if (quoted !== undefined)
      tokens.push({ kind: "quoted", text: quoted.replace(/\\(.)/g, "$1"), at });
    else if (plain !== undefined) tokens.push({ kind: "quoted", text: plain, at });
    else tokens.push({ kind: "word", text: word as string, at });
  }
  return tokens;
}

/** Fields that are not columns of every batch: simplified forms of a row's data, and what could not be read. */
const derivedFields: Record<string, (batch: ScanBatch, row: number) => unknown> = {
  name: (batch, row) => fileName(batch.value("path", row) as string),
  error: (batch, row) => (batch.unreadable > 0 ? batch.value("error", row) : null),
  errorMessage: (batch, row) => (batch.unreadable > 0 ? batch.value("errorMessage", row) : null),
  versionsNeeded: neededVersions,
};

function fieldReader(name: string): (batch: ScanBatch, row: number) => unknown {
  const derived = derivedFields[name];
  return derived ?? ((batch, row) => fieldOf(batch, name, row));
}

function fieldOf(batch: ScanBatch, name: string, row: number): unknown {
  try {
    return batch.value(name, row);
  } catch (failure) {
    if ((failure as FixelfError).code !== "usage") throw failure;
    const names = new Set([
      ...Object.keys(derivedFields),
      ...batch.columns.map((column) => column.name),
    ]);
    throw new FixelfError(
      "usage",
      `--where: there is no field ${name}; there are ${[...names].join(", ")}`,
    );
  }
}

function comparison(
  read: (batch: ScanBatch, row: number) => unknown,
  sign: string,
  value: Token,
): (batch: ScanBatch, row: number) => boolean {
  if (sign === "has") {
    const fits = glob(value.text);
    return (batch, row) => {
      const list = read(batch, row);
      return Array.isArray(list) && list.some((item) => fits(String(item)));
    };
  }
  if (sign === "=" || sign === "!=") {
    const isNull = value.kind === "word" && value.text === "null";
    const fits = glob(value.text);
    const number = Number(value.text);
    return (batch, row) => {
      const found = read(batch, row);
      const equal =
        found === null
          ? isNull
          : typeof found === "number" || typeof found === "bigint"
            ? Number(found) === number
            : !isNull && fits(String(found));
      return equal === (sign === "=");
    };
  }
  const limit = Number(value.text);
  if (Number.isNaN(limit))
    throw new FixelfError("usage", `--where: ${sign} needs a number, not ${value.text}`);
  return (batch, row) => {
    const found = read(batch, row);
    if (typeof found !== "number" && typeof found !== "bigint") return false;
    const size = Number(found);
    if (sign === "<") return size < limit;
    if (sign === "<=") return size <= limit;
    return sign === ">" ? size > limit : size >= limit;
  };
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
