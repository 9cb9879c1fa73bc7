// What people read. Names come from untrusted files: everything inserted into a line is made safe on the way (text.ts,
// `printable`), and the type proves it. Output for people accepts nothing else.
import { printable } from "./text.js";

/** What a line is composed of: what has already been made safe stays as it is. */
export type Piece = string | number | Shown;

/** Text that cannot control a terminal or forge a line. */
export class Shown {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** The template's own words are ours, and stay as they are. */
  static line(words: TemplateStringsArray, ...pieces: readonly Piece[]): Shown {
    let text = words[0] ?? "";
    pieces.forEach((piece, index) => {
      text += safe(piece) + (words[index + 1] ?? "");
    });
    return new Shown(text);
  }

  static joined(pieces: readonly Piece[], separator: string): Shown {
    return new Shown(pieces.map(safe).join(separator));
  }

  /** Text that a writer has made safe for its own language (Nix, sh, DOT), or text without any names in it. */
  static document(text: string): Shown {
    return new Shown(text);
  }

  get isEmpty(): boolean {
    return this.#text === "";
  }

  /** For writing; in a template other than `line` it would be taken for a name. */
  get text(): string {
    return this.#text;
  }
}

function safe(piece: Piece): string {
  return typeof piece === "string"
    ? printable(piece)
    : typeof piece === "number"
      ? String(piece)
      : piece.text;
}

export const { line, joined, document } = Shown;

export function inLines(all: readonly Shown[]): Shown {
  return joined(all, "\n");
}

type Color = "bold" | "dim" | "green" | "red" | "yellow";

export type Colors = Record<Color, (piece: Piece) => Shown>;

/** `formatters` are picocolors'; null if nothing is to be colored: pipes need not wait for a color package to load. */
export function colorsBy(formatters: Record<Color, (text: string) => string> | null): Colors {
  const by =
    (color: Color) =>
    (piece: Piece): Shown =>
      formatters === null ? line`${piece}` : document(formatters[color](safe(piece)));
  return {
    ...{ bold: by("bold"), dim: by("dim") },
    ...{ green: by("green"), red: by("red"), yellow: by("yellow") },
  };
}
