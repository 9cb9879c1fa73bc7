// A CPython with sixty extension modules, six of which lack something: what `env` prints in each format parses, and the
// other modules run with it.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../support/compile.js";
import { Images } from "../support/containerfile.js";
import { needs } from "../support/needs.js";
import { scratchDirectory } from "../support/scratch.js";
import { openWorld, type World } from "../world/world.js";

const home = "/home/user";
const tree = `${home}/cpython`;
const python = `${tree}/usr/bin/python3.11`;
const modules = `${tree}/usr/lib/python3.11/lib-dynload`;
const suffix = ".cpython-311-x86_64-linux-gnu.so";
/** What each of six modules needs and no store path of this world has; nothing is known about the last two. */
const lacking = {
  _crypt: "libcrypt.so.1",
  nis: "libnsl.so.2",
  screen: "libX11.so.6",
  speech: "libflite.so.1",
  unheard: "libunheard.so.1",
  unknown: "libunknown.so.2",
} as const;
const attributes: Record<string, string> = {
  [lacking._crypt]: "libxcrypt-legacy",
  [lacking.screen]: "libx11",
  [lacking.speech]: "flite",
};
const count = 60;
const names = Object.keys(lacking);

/** As much of a module as CPython 3.11 requires (Include/moduleobject.h). */
const moduleSource = (name: string, calls = "") => `
struct definition { long count; void *type, *init; long index; void *copy; const char *name, *doc; long size;
  void *methods, *slots, *traverse, *clear, *free; };
extern void *PyModule_Create2(struct definition *, int);
extern int ${calls === "" ? "unused" : calls}(void);
static struct definition it = { 1, 0, 0, 0, 0, "${name}", 0, -1 };
void *PyInit_${name}(void) { ${calls === "" ? "" : `${calls}();`} return PyModule_Create2(&it, 1013); }`;

/** Prints how many modules can be imported, and names the others. */
const script = `
import glob, importlib, os, warnings; warnings.simplefilter("ignore")
good, bad = 0, []
for file in sorted(glob.glob("${modules}/*.so")):
    name = os.path.basename(file).split(".")[0]
    try: importlib.import_module(name); good += 1
    except ImportError: bad.append(name)
print(good, *bad)`;

/**
 * The part of nixpkgs that the texts refer to: its libraries are the store's, and those missing from the store are
 * empty.
 */
const packages = (store: Record<string, string>) => `
let
  package = path: {
    outPath = if builtins.pathExists path then builtins.storePath path else path;
    type = "derivation";
    name = "p";
  };
  named = builtins.mapAttrs (_: package) (builtins.fromJSON ''${JSON.stringify(store)}'');
in named // {
  stdenv.cc.cc = named."gcc";
  path = ./.;
  mkShell = attributes: attributes;
  buildFHSEnv = attributes: attributes;
  buildEnv = { name, paths, pathsToLink, ignoreCollisions }: assert pathsToLink == [ "/lib" ]; derivation {
    inherit name paths ignoreCollisions;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" "mkdir -p $out/lib; for each in $paths; do [ ! -d $each ] || ln -sf $each/lib/* $out/lib; done" ];
    PATH = "/usr/bin:/bin";
  };
  lib = {
    getLib = it: it;
    makeLibraryPath = list: builtins.concatStringsSep ":" (map (it: it.outPath + "/lib") list);
    concatStringsSep = builtins.concatStringsSep;
  };
}`;

describe(
  "env for a CPython six of whose modules lack something",
  needs("test world", "gcc"),
  () => {
    const scratch = scratchDirectory();
    let world: World;
    const environment = { PYTHONDONTWRITEBYTECODE: "1" };
    const texts: Record<string, string> = {};

    const nothing = `${count - names.length} ${names.toSorted().join(" ")}`;
    const imports = (variables: Record<string, string>) =>
      world.run([python, "-c", script], { environment: { ...environment, ...variables } });
    const text = async (format: string) => {
      const { stdout, stderr } = await world.fixelf(["env", "--format", format, tree], {
        directory: home,
      });
      texts[format] ??= stdout;
      if (stdout === "") throw new Error(stderr);
      return stdout;
    };

    beforeAll(async () => {
      world = await openWorld("nix-ld");
      await world.copyProgram("cpython");
      // Those for glibc only, so that each lacks one library.
      const host = world.host(modules);
      for (const name of ["_dbm"]) rmSync(join(host, name + suffix));
      const present = (await world.shell(`ls ${modules}/*.so | wc -l`)).trim();
      const missing = names.slice(2);
      for (let at = Number(present); at < count - missing.length; at++)
        compile(join(host, `extra${at}${suffix}`), moduleSource(`extra${at}`), "-shared", "-fPIC");
      for (const name of missing) {
        const soname = lacking[name as keyof typeof lacking];
        const stub = join(scratch, soname);
        compile(stub, `int of_${name}(void) { return 0; }`, "-shared", `-Wl,-soname,${soname}`);
        const source = moduleSource(name, `of_${name}`);
        compile(join(host, name + suffix), source, "-shared", "-fPIC", stub);
      }
      await world.giveToUser(modules);
      await world.shell("nix-store --gc");
      expect((await world.shell(`ls ${modules}/*.so | wc -l`)).trim()).toBe(String(count));
    });
    afterAll(() => world?.dispose());

    it.each(["sh", "direnv"])("sets what makes the others run, as %s", async (format) => {
      const said = await text(format);
      writeFileSync(world.host(`${home}/set`), said);
      await world.shell(`bash -n ${home}/set`);
      for (const [soname, attribute] of Object.entries(attributes))
        expect(said).toContain(`#   ${soname}: nixpkgs#${attribute}`);
      expect(said).toContain("#   libnsl.so.2: nixpkgs#libnsl has libnsl.so.3 instead");
      expect(said).toMatch(/#\s+libunheard\.so\.1: no package is known/);
      const run = `. ${home}/set; exec ${python} -c '${script.replaceAll("'", `'"'"'`)}'`;
      expect(await world.check(["bash", "-c", run], { environment })).toBe(nothing);
    });

    it("describes in JSON what makes the others run, and what is missing", async () => {
      const { document } = await world.fixelfJson<{
        variables: Record<string, string>;
        systems: { missing: { soname: string; packages: { attribute: string }[] }[] }[];
      }>(["env", tree]);
      const { stdout } = await imports(document.variables);
      expect(stdout).toBe(nothing);
      const missing = document.systems.flatMap((system) => system.missing);
      expect(missing.map(({ soname }) => soname).toSorted()).toEqual(
        expect.arrayContaining(Object.values(lacking).toSorted()),
      );
    });

    it("sets the variables in fish", needs("fish"), async () => {
      const file = join(scratch, "set.fish");
      writeFileSync(file, await text("fish"));
      const environment = { PATH: process.env.PATH ?? "", HOME: scratch };
      const set = execFileSync("fish", ["-c", `source ${file}; env -0`], {
        encoding: "utf8",
        env: environment,
      });
      const pairs = set.split("\0").map((pair) => /^(NIX_LD\w*)=(.*)$/.exec(pair)?.slice(1) ?? []);
      const variables = Object.fromEntries(pairs.filter((pair) => pair.length > 0));
      expect((await imports(variables)).stdout).toBe(nothing);
    });

    describe("in Nix's language", () => {
      const stub = `${home}/packages.nix`;
      let stubText: string;

      beforeAll(() => {
        const named = Object.entries(world.store).flatMap(([name, path]) =>
          name.endsWith("-trixie") ? [[name.replace("-trixie", ""), path]] : [],
        );
        const store = Object.fromEntries(named);
        const others = Object.fromEntries(
          ["libx11", "flite"].map((name) => [name, `/nowhere/${name}`]),
        );
        stubText = packages({ ...store, ...others, libuuid: store["util-linux"] });
        writeFileSync(world.host(stub), stubText);
      });

      /** A loader from nixpkgs looks beside itself; this world's is Debian's, and does not. */
      const beside = `NIX_LD_LIBRARY_PATH="$NIX_LD_LIBRARY_PATH:$(dirname "$NIX_LD")"`;
      const expectRunning = async (loader: string, libraries: string) => {
        const path = `${libraries}:${dirname(loader)}`;
        const { stdout, stderr } = await imports({ NIX_LD: loader, NIX_LD_LIBRARY_PATH: path });
        expect(stdout, stderr).toBe(nothing);
      };
      const evaluate = async (expression: string, bind: Record<string, string> = {}) => {
        writeFileSync(world.host(`${home}/expression.nix`), expression);
        const words = ["--eval", "--strict", "--json", `${home}/expression.nix`];
        return JSON.parse(await world.check(["nix-instantiate", ...words], { bind }));
      };

      it.each(["flake", "shell.nix", "nixos", "home-manager", "fhs"])(
        "parses as %s",
        async (format) => {
          const said = await text(format);
          writeFileSync(world.host(`${home}/text.nix`), said);
          await world.check(["nix-instantiate", "--parse", `${home}/text.nix`]);
          for (const attribute of Object.values(attributes)) expect(said).toContain(attribute);
          expect(said).toMatch(/#.*libunheard\.so\.1/);
        },
      );

      it.each([
        ["shell.nix", (said: string) => `(${said}) { pkgs = import ${stub}; }`],
        [
          "flake",
          (said: string) =>
            `((${said}).outputs { nixpkgs.legacyPackages.x86_64-linux = import ${stub}; }).devShells.x86_64-linux.default`,
        ],
      ])("sets the variables in a shell of %s", async (format, shell) => {
        const { NIX_LD, NIX_LD_LIBRARY_PATH } = await evaluate(shell(await text(format)));
        await expectRunning(NIX_LD, NIX_LD_LIBRARY_PATH);
      });

      it("sets the variables in Home Manager's script", async () => {
        const support = join(import.meta.dirname, "nix/home-manager.nix");
        const lib = process.env.FIXELF_NIXPKGS_LIB;
        const bind: Record<string, string> = lib === undefined ? {} : { "/tmp/nixpkgs-lib": lib };
        const real = lib === undefined ? "" : "nixpkgsLib = /tmp/nixpkgs-lib;";
        const said = await text("home-manager");
        const set = await evaluate(
          `import ${support} { module = ${said}; pkgs = import ${stub}; ${real} }`,
          bind,
        );
        // The store has no CPython to link in its place.
        expect(set.files).toEqual({});
        const { stdout, stderr } = await world.run(
          ["sh", "-c", `${set.script}\n${beside}; exec "$0" "$@"`, python, "-c", script],
          { environment },
        );
        expect(stdout, stderr).toBe(nothing);
      });

      it("gives what a container is built from", needs("buildah"), async () => {
        const said = await text("container");
        for (const attribute of Object.values(attributes))
          expect(said).toContain(`pkgs.${attribute}`);
        expect(said).toContain("# nixpkgs#libnsl has libnsl.so.3 instead");
        expect(said).toMatch(/^# no package is known for libunheard\.so\.1$/m);
        // An image with Nix, whose store has what the world's has.
        const root = "/home/image";
        await world.shell(
          `nix --extra-experimental-features nix-command copy --no-check-sigs \
             --to 'local?root=${root}' "$(readlink -f /run/current-system/sw)"`,
        );
        const write = (path: string, content: string) => {
          mkdirSync(dirname(world.host(root + path)), { recursive: true });
          writeFileSync(world.host(root + path), content);
        };
        write("/etc/nix/nix.conf", "sandbox = false\nbuild-users-group =\nsubstituters =\n");
        write("/nixpkgs/default.nix", `{ system }: ${stubText}`);
        const images = new Images(join(scratch, "images"));
        images.add({
          name: "docker.io/nixos/nix",
          root: world.host(root),
          variables: { USER: "root", PATH: "/usr/bin:/bin", NIX_PATH: "nixpkgs=/nixpkgs" },
        });
        const image = images.build(said, world.host(home));
        expect(images.start(image, "-B", "-c", script)).toBe(nothing);
      });

      it("gives what NixOS and an FHS environment have", async () => {
        const loader = `${world.store["glibc-trixie"]}/lib/ld-linux-x86-64.so.2`;
        const nixos = `(${await text("nixos")}) { pkgs = import ${stub}; options = { }; }`;
        const fhs = `((${await text("fhs")}) { pkgs = import ${stub}; }).targetPkgs (import ${stub})`;
        for (const list of [`(${nixos}).programs.nix-ld.libraries`, fhs]) {
          const paths: string[] = await evaluate(list);
          const libraries = paths.map((path) => `${path}/lib`).join(":");
          await expectRunning(loader, libraries);
        }
      });
    });
  },
);
