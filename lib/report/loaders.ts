// The loaders of a store, with the chosen ones marked.
import type { Loader } from "../store/loaders.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";

export function loadersText(loaders: readonly Loader[], colors: Colors): Shown {
  return inLines(
    loaders.map((loader) => {
      const mark = loader.chosen ? colors.green("*") : " ";
      const what = [loader.machine, loader.libc, loader.version].filter(Boolean).join(" ");
      const path = loader.chosen ? colors.bold(loader.path) : loader.path;
      return line`${mark} ${path}\n    ${what}  ${colors.dim(loader.reason)}`;
    }),
  );
}
