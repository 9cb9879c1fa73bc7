// Names and paths by pattern.
import picomatch from "picomatch";

/** A matcher for the whole text; `*` goes over slashes, as in the shell's `case`. */
export function glob(pattern: string): (text: string) => boolean {
  if (!/[*?[{]/.test(pattern)) return (text) => text === pattern;
  const matches = picomatch(pattern, { bash: true, dot: true, nonegate: true });
  // Its second argument, an index to `filter`, would have it answer with an object.
  return (text) => matches(text);
}
