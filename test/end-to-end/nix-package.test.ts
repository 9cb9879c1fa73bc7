// fixelf as a store path, from a real build without nixpkgs; the NixOS module, with nixpkgs' own lib where
// FIXELF_NIXPKGS_LIB names its directory, otherwise with a stand-in that checks no types; all other files parsed.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { scratchDirectory } from "../support/scratch.js";
import { openWorld, type World } from "../world/world.js";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const support = join(checkout, "test/end-to-end/nix");

/** Installs the package as npm would, with its own node_modules. */
async function installInto(directory: string): Promise<string> {
  await execa("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory], {
    cwd: checkout,
  });
  await execa("sh", ["-c", "tar -xzf *.tgz && rm *.tgz"], { cwd: directory });
  const top = join(directory, "package");
  const needed = await execa("npm", ["ls", "--omit=dev", "--all", "--parseable"], {
    cwd: checkout,
  });
  for (const path of needed.stdout.split("\n").slice(1))
    cpSync(path, join(top, relative(checkout, path)), { recursive: true });
  // Before `npm run prebuild` the addon is only where it was built.
  const prebuilds = join(top, `prebuilds/${process.platform}-${process.arch}`);
  if (!existsSync(prebuilds)) {
    const addon: string = createRequire(import.meta.url)("node-gyp-build").path(checkout);
    mkdirSync(prebuilds, { recursive: true });
    cpSync(addon, join(prebuilds, "fixelf.napi.node"));
  }
  return top;
}

describe("fixelf built by Nix", needs("test world"), () => {
  const scratch = scratchDirectory();
  let world: World;
  let bind: Record<string, string>;

  beforeAll(async () => {
    bind = { "/tmp/fixelf-package": await installInto(scratch) };
    world = await openWorld();
  });
  afterAll(async () => {
    await world?.dispose();
  });

  it("is a store path that runs, and keeps the systemd unit", async () => {
    const output = await world.shell(
      `nix-build ${checkout}nix/from-npm.nix --arg package /tmp/fixelf-package \\
         --argstr node /harness-bin/node --out-link /tmp/fixelf`,
      { bind },
    );
    const version = await world.check([`${output}/bin/fixelf`, "--version"]);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await world.shell(`cat ${output}/share/systemd/user/fixelf-watch@.service`)).toContain(
      "--preset %i",
    );
  });

  it("has a NixOS module that sets what its options ask for", async () => {
    const lib = process.env.FIXELF_NIXPKGS_LIB;
    const realLib = lib === undefined ? "" : "--arg nixpkgsLib /tmp/nixpkgs-lib";
    const evaluate = async (settings: string, more = "") =>
      JSON.parse(
        await world.shell(
          `nix-instantiate --eval --strict --json ${support}/evaluate.nix ${realLib} \\
             --arg module ${checkout}nix/module.nix --arg settings '${settings}' ${more}`,
          lib === undefined ? {} : { bind: { "/tmp/nixpkgs-lib": lib } },
        ),
      );
    expect(await evaluate("{ }")).toEqual({});
    const full = await evaluate(
      `{ enable = true; loader.enable = true;
         loader.libraries = [ { type = "derivation"; name = "zlib"; outPath = "/zlib"; } ];
         watch = { presets = [ "uv" ]; directories = [ "%h/some programs" ]; }; }`,
    );
    expect(full.environment.ldso).toBe("/fixelf/libexec/fixelf-ld");
    expect(full.environment.ldso32).toBe("/fixelf/libexec/fixelf-ld-32");
    // What would otherwise be in the loader's place: NixOS's stub, and nix-ld.
    expect(full.environment["stub-ld"].enable).toBe(false);
    expect(full.programs["nix-ld"].enable).toBe(false);
    const [, libraries] = full.environment.systemPackages as string[];
    expect(libraries).toBe(
      "/fixelf-libraries:acl:attr:bzip2:curl:libsodium:libssh:libxml2:openssl:gcc:systemd:util-linux:xz:zlib:zstd:zlib",
    );
    expect(full.environment.pathsToLink).toEqual(["/share/nix-ld"]);
    expect(full.systemd.user.services["fixelf-watch"].serviceConfig.ExecStart).toBe(
      '"/fixelf/bin/fixelf" "watch" "--preset" "uv" "--" "%h/some programs"',
    );
    const swapped = await evaluate(
      "{ enable = true; loader.enable = true; }",
      `--arg narrow false --arg nixLd '{ enable = true;
         libraries = [ { type = "derivation"; name = "fuse"; outPath = "/fuse"; } ]; }'`,
    );
    // What a false mkIf leaves, with nixpkgs' lib and with its stand-in.
    expect(swapped.environment.ldso32 ?? {}).toEqual({});
    expect(swapped.programs["nix-ld"].enable).toBe(false);
    expect(swapped.environment.systemPackages[1]).toMatch(/:zstd:fuse$/);
    const watchOnly = await evaluate(`{ enable = true; watch.presets = [ "npm" ]; }`);
    expect(watchOnly.environment).toEqual({ systemPackages: ["/fixelf"] });
    const wrong = evaluate(`{ enable = true; watch.presets = [ "no such tool" ]; }`);
    // The stand-in knows no types.
    if (lib === undefined) await wrong;
    else await expect(wrong).rejects.toThrow("is not of type");
  });

  it("has a flake with a complete lock file and the expected packages and checks", async () => {
    const flake = join(scratch, "flake");
    for (const name of ["flake.nix", "flake.lock", "nix", "package.json"])
      cpSync(join(checkout, name), join(flake, name), { recursive: true });
    const flakes = (command: string) =>
      world.shell(
        `nix --extra-experimental-features 'nix-command flakes' ${command} --no-update-lock-file`,
        { bind: { "/tmp/flake": flake, "/tmp/nixpkgs-flake": join(support, "nixpkgs-flake") } },
      );
    const { locks } = JSON.parse(await flakes("flake metadata --json path:/tmp/flake"));
    expect(locks).toEqual(JSON.parse(readFileSync(join(flake, "flake.lock"), "utf8")));
    const evaluate = async (what: string, apply: string) =>
      JSON.parse(
        await flakes(
          `eval --json --override-input nixpkgs path:/tmp/nixpkgs-flake path:/tmp/flake#${what} \
             --apply '${apply}'`,
        ),
      );
    const names = "builtins.mapAttrs (_: builtins.mapAttrs (_: each: each.name))";
    const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
    const packages = {
      default: `fixelf-${version}`,
      fixelf: `fixelf-${version}`,
      "fixelf-auto-patchelf": "auto-patchelf",
      "fixelf-patchelf": `fixelf-patchelf-${version}`,
      fixelfHook: "fixelf-hook",
    };
    const checks = {
      fixelf: `fixelf-${version}`,
      version: `fixelf-${version}-version`,
      outputs: "fixelf-hook-outputs",
      "structured-attributes": "fixelf-hook-structured-attributes",
      "no-compiler": "fixelf-hook-no-compiler",
      relative: "fixelf-hook-relative",
      "default-bintools": "fixelf-auto-patchelf-default-bintools",
    };
    const each = (one: object) => ({ "x86_64-linux": one, "aarch64-linux": one });
    expect(await evaluate("packages", names)).toEqual(each(packages));
    expect(await evaluate("checks", names)).toEqual(each(checks));
  });

  it("has Nix files that parse", async () => {
    const files = readdirSync(join(checkout, "nix")).filter((name) => name.endsWith(".nix"));
    expect(files).toContain("package.nix");
    const paths = [...files.map((name) => `${checkout}nix/${name}`), `${checkout}flake.nix`];
    await world.check(["nix-instantiate", "--parse", ...paths]);
  });
});
