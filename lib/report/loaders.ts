// The loaders of a store, the chosen ones first marked.
import type { Loader } from "../store/loaders.js";
import { type Colors, printable } from "./text.js";

export function loadersText(loaders: readonly Loader[], colors: Colors): string {
  return loaders
    .map((loader) => {
      const mark = loader.chosen ? colors.green("*") : " ";
      const what = [loader.machine, loader.libc, loader.version].filter(Boolean).join(" ");
      const path = loader.chosen ? colors.bold(printable(loader.path)) : printable(loader.path);
      return `${mark} ${path}\n    ${printable(what)}  ${colors.dim(printable(loader.reason))}`;
    })
    .join("\n");
}
