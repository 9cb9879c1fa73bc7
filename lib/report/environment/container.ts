// A Containerfile: the program, its loader at the path where it looks for it, and the libraries from nixpkgs.
import { basename, dirname } from "node:path";
import { FixelfError } from "../../base/errors.js";
import { scriptWord, shellWord } from "../../base/shell.js";
import type { PackagedEnvironment } from "../../environment/packages.js";
import { printable } from "../text.js";
import { nixComment, nixPackage, nixString, originOf, packagesOf, unknownLines } from "./nix.js";

/**
 * @param named what is to be copied: the paths that the user named, absolute
 * @param context the directory that will be sent to the builder, absolute
 * @throws FixelfError `unsupported` for names that a Containerfile cannot contain
 */
export function containerText(
  environment: PackagedEnvironment,
  named: readonly string[],
  context: string,
): string {
  const { programs, systems } = environment;
  const [system] = systems;
  const [program] = programs;
  if (system === undefined || program === undefined) return "";
  const packages = [system.libc, ...packagesOf(system.directories)];
  const attributes = [...new Set(packages.map((each) => nixPackage("pkgs", each)))];
  const origins = packages.flatMap((each) => {
    const origin = originOf(each);
    return origin === null ? [] : [nixComment(`${each.attribute}: ${origin}`)];
  });
  const below = system.directories.flatMap((each) => ("package" in each ? [each.below] : []));
  const searched = [...new Set(["/lib", ...below])];
  // glibc and gcc each have a link to a libgcc_s.so.1 (nixpkgs pkgs/development/compilers/gcc/common/libgcc.nix).
  const expression = `let pkgs = import <nixpkgs> { system = ${nixString(system.system)}; }; in pkgs.buildEnv { name = "libraries"; paths = map pkgs.lib.getLib [ ${attributes.join(" ")} ]; pathsToLink = [ ${searched.map(nixString).join(" ")} ]; ignoreCollisions = true; }`;
  const outside = system.directories.flatMap((each) =>
    "directory" in each ? [each.directory] : [],
  );
  const { interpreter, file } = program;
  for (const path of [file, interpreter, ...named, ...outside]) {
    if (printable(path) === path) continue;
    const message = `a Containerfile can't hold the name ${path}`;
    throw new FixelfError("unsupported", message, { path });
  }
  // Escaping patterns does not help: buildah treats what a pattern has matched as a pattern again (copier/copier.go).
  for (const path of [...named, ...outside]) {
    if (!/[\\*?[]/.test(path)) continue;
    const message = `a Containerfile can't copy ${path}: *, ?, [ and \\ make its name a pattern`;
    throw new FixelfError("unsupported", message, { path });
  }
  const words = (...all: string[]) => JSON.stringify(all);
  const inContext = (path: string) =>
    path.startsWith(`${context}/`) ? path.slice(context.length + 1) : basename(path);
  // COPY of a directory copies its contents.
  const copies = [...named, ...outside].map((path) => `COPY ${copyWords(inContext(path), path)}`);
  const path = [...searched.map((below) => `/libraries${below}`), ...outside].join(":");
  return [
    `# podman build --file Containerfile ${printable(shellWord(context))}`,
    ...origins,
    ...unknownLines({ systems: [system] }),
    "FROM docker.io/nixos/nix AS libraries",
    `RUN nix-build --out-link /libraries --expr ${scriptWord(expression)} && \\`,
    "    mkdir -p /closure/nix/store && \\",
    "    cp -a $(nix-store --query --requisites /libraries) /closure/nix/store/ && \\",
    "    cp -a /libraries /closure/libraries && \\",
    `    mkdir -p /closure${scriptWord(dirname(interpreter))} && \\`,
    `    ln -s /libraries/lib/${scriptWord(system.loader)} /closure${scriptWord(interpreter)}`,
    "",
    "FROM scratch",
    'COPY --from=libraries ["/closure/", "/"]',
    ...copies,
    `ENV LD_LIBRARY_PATH=${containerWord(path)}`,
    `ENTRYPOINT ${words(file)}`,
  ].join("\n");
}

/** Each word is read as a shell would read it, even in a JSON array (moby's frontend/dockerfile/shell/lex.go). */
function copyWords(...paths: readonly string[]): string {
  return JSON.stringify(paths.map((path) => path.replace(/[\\$'"]/g, "\\$&")));
}

/** A value in ENV: in double quotes, where backslash, quote and dollar are special. */
function containerWord(text: string): string {
  return `"${text.replace(/[\\"$]/g, "\\$&")}"`;
}
