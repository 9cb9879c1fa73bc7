// Which package of nixpkgs has the program that runs a script, by the program's name.

/** Where the attribute is called otherwise than the program. */
const otherNames: Readonly<Record<string, string>> = {
  awk: "gawk",
  csh: "tcsh",
  env: "coreutils",
  make: "gnumake",
  node: "nodejs",
  pwsh: "powershell",
  python: "python3",
  python2: "python2",
  runhaskell: "ghc",
  Rscript: "R",
  sed: "gnused",
  sh: "bash",
  tclsh: "tcl",
  wish: "tk",
};

/** Where both are alike. */
const sameNames = new Set(
  (
    "babashka bash bun crystal dart dash deno elixir elvish erlang expect fish gawk gnuplot groovy guile jq julia " +
    "just kotlin ksh lua luajit mksh nodejs nushell octave perl php pypy3 python3 R raku rc ruby sbcl scala scsh swift tcsh " +
    "xonsh yash zsh"
  ).split(" "),
);

/** null where none is known. */
export function packageOfProgram(name: string): string | null {
  if (Object.hasOwn(otherNames, name)) return otherNames[name] ?? null;
  if (sameNames.has(name)) return name;
  const python = /^python(3)\.(\d+)$/.exec(name);
  if (python !== null) return `python3${python[2]}`;
  const lua = /^lua5\.(\d)$/.exec(name);
  return lua === null ? null : `lua5_${lua[1]}`;
}
