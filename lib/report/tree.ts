// Which files the loader would open, drawn as the tree of who needs whom first.
import type { Resolution, ResolvedLibrary } from "../facts.js";
import { type Colors, printable } from "./text.js";

export function treeText(resolution: Resolution, colors: Colors): string {
  const { interpreter, libraries, versionProblems } = resolution;
  const lines = [colors.bold(printable(resolution.path))];
  if (interpreter.path !== null) {
    const state = interpreter.found ? "" : `  ${colors.red("not found")}`;
    lines.push(
      `  interpreter ${printable(interpreter.path)}${state}  ${colors.dim(printable(interpreter.reason))}`,
    );
  }

  const files = new Set(libraries.map(({ path }) => path));
  const children = new Map<string, ResolvedLibrary[]>();
  for (const library of libraries) {
    // What no drawn file needs (a preloaded library) hangs from the top.
    const parent = files.has(library.neededBy) ? library.neededBy : resolution.path;
    const sisters = children.get(parent);
    if (sisters) sisters.push(library);
    else children.set(parent, [library]);
  }

  const drawn = new Set<ResolvedLibrary>();
  const draw = (parent: string, indent: string): void => {
    const here = (children.get(parent) ?? []).filter((library) => !drawn.has(library));
    for (const library of here) drawn.add(library);
    here.forEach((library, at) => {
      const isLast = at === here.length - 1;
      const below = indent + (isLast ? "   " : "│  ");
      lines.push(`${indent}${isLast ? "└─ " : "├─ "}${libraryText(library, colors)}`);
      if (library.path === null) {
        for (const { path, why } of library.tried)
          lines.push(`${below}   ${colors.dim(`${printable(path)}: ${printable(why)}`)}`);
      } else draw(library.path, below);
    });
  };
  draw(resolution.path, "  ");

  for (const { version, providerPath, neededBy, weak } of versionProblems) {
    const what = `${version} is not defined by ${providerPath}, needed by ${neededBy}`;
    lines.push(`  ${weak ? colors.yellow("weak") : colors.red("missing")}  ${printable(what)}`);
  }
  return lines.join("\n");
}

/** Whether the loader would refuse to start it. */
export function isIncomplete({ interpreter, libraries, versionProblems }: Resolution): boolean {
  return (
    (interpreter.path !== null && !interpreter.found) ||
    libraries.some(({ path, optional }) => path === null && !optional) ||
    versionProblems.some(({ weak }) => !weak)
  );
}

function libraryText({ soname, path, reason, optional }: ResolvedLibrary, colors: Colors): string {
  const name = printable(soname);
  if (path !== null) return `${name} → ${printable(path)}  ${colors.dim(printable(reason))}`;
  const state = optional ? colors.yellow("not found (optional)") : colors.red("not found");
  return `${name}  ${state}  ${colors.dim(printable(reason))}`;
}
