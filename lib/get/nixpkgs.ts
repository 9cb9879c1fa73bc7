// Which nixpkgs packages come from, and how to pass it to Nix: as a flake, or as a file if flakes are off.
import { join, resolve } from "node:path";
import { isDirectory } from "../base/directories.js";
import { existsSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { thisMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { capture, type NixRun } from "./nix_command.js";

/** A nixpkgs, as it is passed to Nix. */
export type Nixpkgs =
  /** A flake reference for `nix build`. */
  | { kind: "flake"; reference: string; hasCaret: boolean }
  /** An argument for `nix-build`: a path, or "<nixpkgs>". */
  | { kind: "file"; file: string };

/** What decides this; Nix is asked once. */
export interface NixFeatures {
  /** Whether the user's own configuration turns flakes on. */
  flakes: boolean;
  /** Whether outputs are written as "zlib^dev" (Nix 2.9 and newer) rather than "zlib.dev". */
  hasCaret: boolean;
}

const experimental = ["--extra-experimental-features", "nix-command flakes"];

/** @throws FixelfError if Nix is not installed */
export async function nixFeatures(run: NixRun): Promise<NixFeatures> {
  const version = await capture("nix-build", ["--version"], run);
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(version) ?? [];
  const hasCaret = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 9);
  // Its name is `nix config show` since 2.20; the old one is kept as an alias.
  const asked = [...experimental.slice(0, 1), "nix-command", "show-config"];
  const shown = await capture("nix", asked, run).catch(() => "");
  const enabled = /^experimental-features = (.*)$/m.exec(shown)?.[1] ?? "";
  return { flakes: enabled.split(" ").includes("flakes"), hasCaret };
}

/**
 * @param given what the user named: a flake reference, a directory, "<nixpkgs>" or "channel:NAME"; undefined for the
 *   user's own
 * @throws FixelfError `usage` if it is empty
 * @param until the release of NixOS after which the package was removed, if it was
 */
export function nixpkgsFor(
  given: string | undefined,
  until: string | null,
  { flakes, hasCaret }: NixFeatures,
): Nixpkgs {
  const flake = (reference: string): Nixpkgs => ({ kind: "flake", reference, hasCaret });
  if (given === undefined) {
    if (flakes) return flake(until === null ? "nixpkgs" : `nixpkgs/nixos-${until}`);
    return { kind: "file", file: until === null ? "<nixpkgs>" : `channel:nixos-${until}` };
  }
  if (given === "")
    throw new FixelfError(
      "usage",
      "--nixpkgs takes a flake, a directory, <nixpkgs> or channel:NAME",
    );
  if (/^<.*>$|^channel:/.test(given)) return { kind: "file", file: given };
  if (!/^\.{0,2}\//.test(given) && !isDirectory(given)) return flake(given);
  const path = resolve(given);
  const isFlake = existsSync(join(path, "flake.nix"));
  const isFile = !isFlake || existsSync(join(path, "default.nix"));
  return isFlake && (flakes || !isFile) ? flake(path) : { kind: "file", file: path };
}

/** A package's output, as Nix is to build it. */
export interface Target {
  attribute: string;
  output: string;
}

/** The command, without options, that builds packages for a system. */
export function buildCommand(
  nixpkgs: Nixpkgs,
  system: string,
  targets: readonly Target[],
): [tool: string, ...words: string[]] {
  if (nixpkgs.kind === "flake") {
    const { reference, hasCaret } = nixpkgs;
    const set = system === ownSystem() ? "" : `legacyPackages.${system}.`;
    const separator = hasCaret ? "^" : ".";
    const named = targets.map(
      ({ attribute, output }) => `${reference}#${set}${attribute}${separator}${output}`,
    );
    return ["nix", ...experimental, "build", ...impure(), ...named];
  }
  const named = targets.flatMap(({ attribute, output }) => ["-A", `${attribute}.${output}`]);
  const other = system === ownSystem() ? [] : ["--argstr", "system", system];
  return ["nix-build", nixpkgs.file, ...other, ...named];
}

/** The command that evaluates a function of the package set for a system, as JSON. */
export function evaluateCommand(
  nixpkgs: Nixpkgs,
  system: string,
  ofPackages: string,
): [tool: string, ...words: string[]] {
  if (nixpkgs.kind === "flake") {
    const set = `${nixpkgs.reference}#legacyPackages.${system}`;
    return ["nix", ...experimental, "eval", ...impure(), "--json", set, "--apply", ofPackages];
  }
  const { file } = nixpkgs;
  const expression = file.startsWith("<")
    ? file
    : file.startsWith("channel:")
      ? `(fetchTarball "https://nixos.org/channels/${file.slice("channel:".length)}/nixexprs.tar.xz")`
      : `(/. + ${JSON.stringify(file).replaceAll("${", "\\${")})`;
  const own = system === ownSystem() ? "{ }" : `{ system = "${system}"; }`;
  const text = `let given = import ${expression}; in (${ofPackages}) (if builtins.isFunction given then given ${own} else given)`;
  // Without this option no derivation is written, and there would be nothing to build.
  return ["nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode", "-E", text];
}

export function ownSystem(): string {
  return nixSystem(thisMachine());
}

/** A flake does not see environment variables: permission for what nixpkgs refuses has to get through. */
function impure(): string[] {
  return Object.keys(process.env).some((name) => name.startsWith("NIXPKGS_ALLOW_"))
    ? ["--impure"]
    : [];
}
