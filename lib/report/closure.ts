// What a program needs from the store, and what else Nix keeps for it.
import type { Closure } from "../closure/closure.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

export function closureText(closure: Closure, colors: Colors): Shown {
  const { needed, neverLoaded, unprotected, outside, notFound, recorded } = closure;
  const lines = [colors.bold(closure.path)];
  const section = (title: string, size: number | null = null) =>
    lines.push(line`  ${title}${size === null ? "" : `, ${bytesText(size)}`}`);

  section(`needed: ${plural(needed.length, "store path")}`, closure.neededSize);
  for (const { path, bytes, measured, files } of needed) {
    const what = files.length === 0 ? "its own" : plural(files.length, "file");
    const note = measured === "nar" ? what : `${what}; size on disk`;
    lines.push(row(bytes, path, colors.dim(note)));
  }
  if (recorded === null) {
    lines.push(line`  Nix's closure is not known: ${closure.whyUnknown ?? ""}`);
  } else {
    section(`Nix's closure: ${plural(recorded.paths, "store path")}`, recorded.size);
  }
  if (neverLoaded.length > 0) {
    section(
      `referred to, but never loaded: ${plural(neverLoaded.length, "store path")}`,
      closure.neverLoadedSize,
    );
    for (const { path, frees, referredToBy } of neverLoaded) {
      const more = referredToBy.length > 3 ? ` and ${referredToBy.length - 3} more` : "";
      const by = referredToBy.slice(0, 3).join(", ");
      lines.push(row(frees, path, colors.dim(`referred to by ${by}${more}`)));
    }
    lines.push(
      colors.dim("    with what would go along; it may still hold data, programs, or plugins"),
    );
  }
  for (const { path, files } of unprotected) {
    lines.push(line`  ${colors.red("not in Nix's closure")}  ${path}`);
    for (const file of files)
      lines.push(line`    ${file.path}  ${colors.dim(`needed by ${file.neededBy}`)}`);
    lines.push(colors.dim("    garbage collection may take it"));
  }
  for (const { path, neededBy } of outside)
    lines.push(
      line`  ${colors.yellow("outside the store")}  ${path}  ${colors.dim(`needed by ${neededBy}`)}`,
    );
  for (const { soname, neededBy } of notFound)
    lines.push(
      line`  ${colors.red("not found")}  ${soname}  ${colors.dim(`needed by ${neededBy}`)}`,
    );
  for (const { path, message } of closure.unread)
    lines.push(line`  ${colors.red("not read")}  ${path}  ${colors.dim(message)}`);
  return inLines(lines);
}

function row(bytes: number, path: string, note: Shown): Shown {
  return line`    ${bytesText(bytes).padStart(10)}  ${path}  ${note}`;
}

/** In powers of 1000, like disk sizes but unlike Nix's own reports. */
function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
