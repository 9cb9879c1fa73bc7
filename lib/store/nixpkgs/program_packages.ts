// Which nixpkgs package has the program that runs a script, by the program's name.
import { thisMachine } from "../../file/machine.js";
import { nixSystem } from "../../file/nix_system.js";
import { installable, packageOnceOf } from "./packages.js";

/** Programs whose attribute has a different name. */
const otherNames: Readonly<Record<string, string>> = {
  awk: "gawk",
  csh: "tcsh",
  env: "coreutils",
  make: "gnumake",
  node: "nodejs",
  pwsh: "powershell",
  python: "python3",
  runhaskell: "ghc",
  Rscript: "R",
  sed: "gnused",
  sh: "bash",
  tclsh: "tcl",
  wish: "tk",
};

/** Programs whose attribute has the same name. */
const sameNames = new Set(
  (
    "babashka bash bun crystal dart dash deno elixir elvish erlang expect fish gawk gnuplot groovy guile jq julia " +
    "just kotlin ksh lua luajit mksh nodejs nushell octave perl php pypy3 python3 R raku rc ruby sbcl scala scsh swift tcsh " +
    "xonsh yash zsh"
  ).split(" "),
);

/** An argument for `nix build`: "nixpkgs#bash"; null if none is known. */
export function packageOfProgram(name: string): string | null {
  const python = /^python([23])(?:\.(\d+))?$/.exec(name);
  const [, major, minor = "7"] = python ?? [];
  const versioned = python !== null && name !== "python3";
  // Python's programs come and go with its library.
  const found = versioned ? packageOnceOf(`libpython${major}.${minor}.so.1.0`) : null;
  const attribute = found?.attribute ?? (versioned ? `python${major}${minor}` : attributeOf(name));
  if (attribute === null) return null;
  const until = found?.until ?? null;
  return installable({ attribute, output: null, until }, nixSystem(thisMachine()));
}

function attributeOf(name: string): string | null {
  if (Object.hasOwn(otherNames, name)) return otherNames[name] ?? null;
  if (sameNames.has(name)) return name;
  const lua = /^lua5\.(\d)$/.exec(name);
  return lua === null ? null : `lua5_${lua[1]}`;
}
