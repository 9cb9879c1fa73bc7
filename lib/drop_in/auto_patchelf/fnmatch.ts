// Python's fnmatch, which has always interpreted --ignore-missing: "*", "?", "[ab]" and "[!ab]", and nothing else is
// special. A shell's glob would also interpret "{", "(" and a leading "!".

/** A pattern as a test of whole names. */
export function fnmatch(pattern: string): (name: string) => boolean {
  const characters = [...pattern];
  let source = "";
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    const end = character === "[" ? endOfSet(characters, at) : null;
    if (end !== null) {
      source += setSource(characters.slice(at + 1, end));
      at = end;
    } else if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else source += codePoint(character);
  }
  const expression = new RegExp(`^${source}$`, "su");
  return (name) => expression.test(name);
}

/** Where the set that opens at an index closes; null if it is never closed: "[" then means itself. */
function endOfSet(characters: readonly string[], start: number): number | null {
  const first = start + (characters[start + 1] === "!" ? 2 : 1);
  const end = characters.indexOf("]", first + 1); // one that comes first is a member
  return end < 0 ? null : end;
}

function setSource(inside: readonly string[]): string {
  const negated = inside[0] === "!";
  const members = negated ? inside.slice(1) : inside;
  let source = "";
  for (let at = 0; at < members.length; at++) {
    const low = members[at] as string;
    const high = members[at + 1] === "-" ? members[at + 2] : undefined;
    if (high === undefined) {
      source += codePoint(low);
    } else {
      // A reversed range, such as "z-a", is empty.
      if (low <= high) source += `${codePoint(low)}-${codePoint(high)}`;
      at += 2;
    }
  }
  return `[${negated ? "^" : ""}${source}]`;
}

function codePoint(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
}
