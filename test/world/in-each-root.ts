// Tests that have to hold whatever is in the loader's place.
import { describe } from "vitest";
import { needs } from "../support/needs.js";
import { type LoaderState, loaderStates } from "./world.js";

const inWords: Record<LoaderState, string> = {
  absent: "where no loader is",
  stub: "where NixOS's stub is",
  "nix-ld": "where nix-ld is",
  "fixelf-ld": "where fixelf-ld is",
};

/**
 * A group of tests for each root; each opens a world with the given loader. `parts` are what the tests need besides the
 * world.
 */
export function inEachRoot(
  title: string,
  tests: (loader: LoaderState) => void,
  ...parts: string[]
): void {
  for (const loader of loaderStates) {
    const standIn = loader === "fixelf-ld" ? ["stand-in for x86_64"] : [];
    const needed = needs("test world", ...standIn, ...parts);
    describe(`${title}, ${inWords[loader]}`, needed, () => tests(loader));
  }
}
