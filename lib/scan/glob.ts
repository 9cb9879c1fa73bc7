// Names and paths by pattern.
import picomatch from "picomatch";

/** A matcher for the whole text; `*` matches slashes too, as in the shell's `case`. */
export function glob(pattern: string): (text: string) => boolean {
  if (!/[*?[{]/.test(pattern)) return (text) => text === pattern;
  const matches = picomatch(pattern, { bash: true, dot: true, nonegate: true });
  // A second argument, such as `filter`'s index, would make it return an object.
  return (text) => matches(text);
}
