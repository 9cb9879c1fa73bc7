// What env prints, read by the programs it is meant for: real shells, and Nix.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { fishWord, scriptWord } from "../lib/base/shell.js";
import type { SystemEnvironment } from "../lib/environment/environment.js";
import { makeFarm } from "../lib/environment/farm.js";
import { packageOf } from "../lib/environment/nixpkgs.js";
import { packaged } from "../lib/environment/packages.js";
import { variables } from "../lib/environment/variables.js";
import { nixSystem } from "../lib/file/nix_system.js";
import { type Environment, FixelfError } from "../lib/index.js";
import { containerText } from "../lib/report/environment/container.js";
import { fhsText } from "../lib/report/environment/fhs.js";
import { flakeText } from "../lib/report/environment/flake.js";
import { homeManagerText } from "../lib/report/environment/home_manager.js";
import { nixString } from "../lib/report/environment/nix.js";
import { nixosText } from "../lib/report/environment/nixos.js";
import { direnvText, fishText, shText } from "../lib/report/environment/shell.js";
import { shellNixText } from "../lib/report/environment/shell_nix.js";
import { packageOfSoname } from "../lib/store/nixpkgs/packages.js";
import { storePlace } from "../lib/store/place.js";
import { compile } from "./support/compile.js";
import { Images } from "./support/containerfile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, ownLibrary } from "./support/store.js";

const hash = (letter: string) => letter.repeat(32);
const store = "/nix/store";
const at = (letter: string, name: string) => `${store}/${hash(letter)}-${name}`;

/** An environment as a plan returns it, with names that no honest user would choose. */
function environmentOf(strange: string, more: Partial<SystemEnvironment> = {}): Environment {
  const glibc = at("a", "glibc-2.40-66");
  const directories = [
    `${at("b", "gcc-14.3.0-lib")}/lib`,
    `${at("c", "zlib-1.3.1")}/lib`,
    `${at("d", "libpulseaudio-17.0")}/lib/pulseaudio`,
    `${at("e", "or-1.0")}/lib`,
    `${at("f", "never-heard-of-2.0")}/lib`,
    `${glibc}/lib`,
    strange,
  ];
  return {
    programs: [
      {
        path: strange,
        file: strange,
        interpreter: "/lib64/ld-linux-x86-64.so.2",
        atInterpreter: "nothing",
        system: "x86_64-linux",
        runsAsItIs: false,
        givesRights: false,
        takenByLoaders: true,
      },
    ],
    systems: [
      {
        system: "x86_64-linux",
        own: true,
        loader: `${glibc}/lib/ld-linux-x86-64.so.2`,
        libc: "glibc",
        directories,
        libraries: [
          { soname: "libz.so.1", path: `${directories[1]}/libz.so.1`, storePath: at("c", "x") },
          { soname: "libno.so.2", path: `${directories[4]}/libno.so.2`, storePath: at("f", "x") },
        ],
        missing: [],
        storePaths: [],
        reasons: [],
        ...more,
      },
    ],
    incomplete: [],
    problems: [],
    passedOver: [],
  };
}

const nobodyLocates = async () => null;
/** Names that end a string, a comment or a word somewhere, and characters of every other kind. */
const strangeNames = fc.oneof(
  fc.constantFrom(
    `/$\{throw 1}`,
    `/$$\{x}`,
    "/$\\{x}",
    '/"; x = "',
    `/''$\{x}''`,
    "/a\n}; rec {",
    "/a\r\nb",
    "/it's",
    "/\\",
    "/$(reboot)`reboot`",
    "/# */ /*",
    "/\u001b[31m",
    "/é\u{1f600}",
  ),
  fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => `/${text.replaceAll("\0", "")}`),
);

describe("quoting", () => {
  const shells = [
    { name: "sh", word: scriptWord },
    { name: "fish", word: fishWord },
  ];
  describe.each(shells)("for $name", ({ name, word }) => {
    describe("preserves every byte", needs(name), () => {
      const echoed = (texts: readonly string[]) => {
        // Any bytes, each as one character.
        const script = texts.map((text) => `printf '%s\\0' ${word(text)}\n`).join("");
        const home = scratchDirectory();
        const file = join(home, "script");
        writeFileSync(file, script, "latin1");
        const output = execFileSync(name, [file], {
          env: { PATH: process.env.PATH, HOME: home, LC_ALL: "C" },
        });
        rmSync(home, { recursive: true });
        return output.toString("latin1").split("\0").slice(0, -1);
      };
      it("in random words", () => {
        const bytes = fc.uint8Array({ min: 1, maxLength: 30 });
        const words = fc.array(
          bytes.map((all) => Buffer.from(all).toString("latin1")),
          {
            minLength: 20,
            maxLength: 60,
          },
        );
        fc.assert(
          fc.property(words, (texts) => {
            expect(echoed(texts)).toEqual(texts);
          }),
          { numRuns: 8 },
        );
      });
      it("alone, and in pairs with special bytes", () => {
        const every = Array.from({ length: 255 }, (_, byte) => String.fromCharCode(byte + 1));
        const pairs = every.flatMap((one) => ["'", "\\", "$", "\n"].map((other) => one + other));
        expect(echoed(["", ...every, ...pairs])).toEqual(["", ...every, ...pairs]);
      });
    });
  });

  describe("for Nix", needs("nix-instantiate"), () => {
    it("yields the same string again", () => {
      const texts = fc.array(strangeNames, { minLength: 30, maxLength: 60 });
      fc.assert(
        fc.property(texts, (all) => {
          const list = `[ ${all.map(nixString).join(" ")} ]`;
          const { stdout } = nix(["--eval", "--strict", "--json", "--expr", list]);
          expect(JSON.parse(stdout)).toEqual(all);
        }),
        { numRuns: 10 },
      );
    });
  });
});

function nix(args: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  const directory = scratchDirectory();
  const env = { ...process.env, HOME: directory, NIX_STATE_DIR: join(directory, "state") };
  const answer = spawnSync("nix-instantiate", [...args, "--store", "dummy://"], {
    encoding: "utf8",
    env: { ...env, NIX_PATH: "" },
  });
  rmSync(directory, { recursive: true });
  return answer;
}

describe("variables of an environment", () => {
  const found = environmentOf("/opt/libraries");
  const value = found.systems[0]?.directories.join(":");

  it("are nix-ld's, for the machine and in general", () => {
    expect(variables(found)).toEqual([
      ["NIX_LD", found.systems[0]?.loader],
      ["NIX_LD_LIBRARY_PATH", value],
      ["NIX_LD_x86_64_linux", found.systems[0]?.loader],
      ["NIX_LD_LIBRARY_PATH_x86_64_linux", value],
    ]);
  });
  it("of another machine are set for that machine alone", () => {
    const other = { ...(found.systems[0] as SystemEnvironment), system: "i686-linux", own: false };
    const names = variables({ ...found, systems: [...found.systems, other] }).map(([name]) => name);
    expect(names.filter((name) => name.includes("i686"))).toHaveLength(2);
    expect(names.filter((name) => name === "NIX_LD")).toHaveLength(1);
  });
  it("name a farm, and nothing else", () => {
    expect(Object.fromEntries(variables(found, "/farm"))).toMatchObject({
      NIX_LD: "/farm/ld.so",
      NIX_LD_LIBRARY_PATH: "/farm",
    });
  });
  it("are set by sh, by direnv's bash and by fish", needs("bash"), () => {
    const values = variables(environmentOf("/it's $a \\ name"));
    const wanted = `${values[1]?.[1]}\n`;
    const show = 'printf "%s\\n" "$NIX_LD_LIBRARY_PATH"';
    const run = (shell: string, script: string) =>
      execFileSync(shell, ["-c", `${script}\n${show}`], { encoding: "utf8" });
    expect(run("/bin/sh", shText(values))).toBe(wanted);
    expect(run("bash", direnvText(values))).toBe(wanted);
    expect(fishText(values)).toContain("set -gx NIX_LD_LIBRARY_PATH '");
    // What it names and nothing keeps is listed in a comment, on lines of its own.
    for (const text of [shText, direnvText]) {
      const unrooted = ["/nix/store/a-b", "/nix/store/c\nexit 1"];
      const lacking = ["libcrypt.so.1", "x\nexit 1"].map((soname) => {
        const found = packageOfSoname(soname);
        const packages = found === null ? [] : [found];
        return { soname, system: "x86_64-linux", versions: [], packages };
      });
      const said = text(values, { unrooted, missing: lacking });
      expect(run("bash", said)).toBe(wanted);
      expect(said).toContain("\n#   /nix/store/a-b\n");
      expect(said).toContain("\n#   libcrypt.so.1: nixpkgs#libxcrypt-legacy\n");
    }
  });
});

describe("a machine's system in Nix", () => {
  it.each([
    ["x86-64", "ELF64", "little-endian", "x86_64-linux"],
    ["i386", "ELF32", "little-endian", "i686-linux"],
    ["aarch64", "ELF64", "little-endian", "aarch64-linux"],
    ["arm", "ELF32", "little-endian", "armv7l-linux"],
    ["riscv", "ELF64", "little-endian", "riscv64-linux"],
    ["ppc64", "ELF64", "little-endian", "powerpc64le-linux"],
    ["s390", "ELF64", "big-endian", "s390x-linux"],
    ["machine-9999", "ELF64", "little-endian", "machine_9999_ELF64_-linux"],
  ] as const)("%s %s %s becomes %s", (machine, size, byteOrder, system) => {
    expect(nixSystem({ machine, class: size, byteOrder })).toBe(system);
  });
});

describe("packages of nixpkgs", () => {
  it.each([
    ["gcc-14.3.0-lib", "stdenv.cc.cc", "name"],
    ["xgcc-14.2.0-libgcc", "stdenv.cc.cc", "name"],
    ["glibc-2.40-66", "glibc", "name"],
    ["zlib-1.3.1", "zlib", "name"],
    ["libxcrypt-legacy-4.4.38", "libxcrypt-legacy", "name"],
    ["krb5-1.21.3-lib", "krb5", "name"],
    ["util-linux-minimal-2.41-lib", "util-linuxMinimal", "name"],
    ["gtk+3-3.24.49", "gtk3", "name"],
    ["icu4c-76.1", "icu76", "name"],
    ["python3-3.12.9", "python312", "name"],
    ["libX11-1.8.12", "xorg.libX11", "name"],
    ["libXcursor-1.2.3", "xorg.libXcursor", "name"],
    ["fuse-2.9.9", "fuse", "name"],
    ["fuse-3.16.2", "fuse3", "name"],
    ["never-heard-of-2.0-lib", "never-heard-of", "guessed"],
    ["no-version", "no-version", "guessed"],
  ])("for %s: %s (%s)", (name, attribute, known) => {
    expect(packageOf(name)).toEqual({ attribute, known, name });
  });
  it("are looked up in nix-index's database if the name tells nothing", async () => {
    const asked: string[] = [];
    const { systems } = await packaged(environmentOf("/opt"), store, async (soname) => {
      asked.push(soname);
      const packages = ["deep.one", "found"].map((attribute) => ({
        ...{ attribute, output: "out", name: "no-2", system: null, isOwn: true },
      }));
      return { packages, date: "2026-01-02" };
    });
    expect(asked).toEqual(["libno.so.2"]);
    expect(systems[0]?.directories).toContainEqual({
      package: { attribute: "found", known: "nix-index", name: "never-heard-of-2.0" },
      below: "/lib",
    });
  });
  it("are given with the last release that has them if nixpkgs has removed them", async () => {
    const directory = `${at("b", "openssl-1.1.1w")}/lib`;
    const libraries = [
      { soname: "libssl.so.1.1", path: `${directory}/libssl.so.1.1`, storePath: at("b", "x") },
    ];
    const found = environmentOf("/opt", { directories: [directory], libraries });
    const packages = await packaged(found, store, nobodyLocates);
    const { until, ...named } = packageOf("openssl-1.1.1w");
    expect(until).toBeUndefined();
    const known = "soname";
    expect(packages.systems[0]?.directories).toEqual([
      { package: { ...named, known, until: "26.05", refusal: "insecure" }, below: "/lib" },
    ]);
    const why = "removed from nixpkgs after NixOS 26.05: take it from that";
    expect(shellNixText(packages)).toContain(`pkgs.openssl_1_1 # ${why}`);
    expect(containerText(packages, ["/opt"], "/")).toContain(`# openssl_1_1: ${why}`);
  });
  it("are given with what permits them if nixpkgs refuses them", async () => {
    const soname = "libcudart.so.13";
    const found = packageOfSoname(soname);
    if (found === null) throw new Error(`no package for ${soname}`);
    const lacking = { soname, system: "x86_64-linux", versions: [], packages: [found] };
    const packages = await packaged(
      environmentOf("/opt", { directories: [], missing: [lacking] }),
      store,
      nobodyLocates,
    );
    expect(nixosText(packages)).toContain(
      "pkgs.cudaPackages_13.cuda_cudart # nixpkgs marks it as unfree: NIXPKGS_ALLOW_UNFREE=1\n",
    );
  });
  it("do not include the loader's own directory", async () => {
    const { systems } = await packaged(environmentOf("/opt"), store, nobodyLocates);
    const names = systems[0]?.directories.flatMap((each) =>
      "package" in each ? [each.package.attribute] : [],
    );
    expect(names).not.toContain("glibc");
  });
});

/** As much of nixpkgs as the texts refer to. */
const stubPackages = `{ system ? "x86_64-linux" }:
let
  package = name: { outPath = "/pkgs/" + system + "/" + name; };
  names = [ "glibc" "zlib" "libpulseaudio" "or" "never-heard-of" "musl" ];
in
builtins.listToAttrs (map (name: { inherit name; value = package name; }) names) // {
  path = ./nixpkgs.nix;
  stdenv.cc.cc = package "gcc";
  mkShell = attributes: attributes // { isShell = true; };
  buildFHSEnv = attributes: attributes // { isFhs = true; };
  lib = {
    getLib = it: it // { outPath = it.outPath + "-lib"; };
    makeLibraryPath = list: builtins.concatStringsSep ":" (map (it: it.outPath + "-lib/lib") list);
    concatStringsSep = builtins.concatStringsSep;
    escapeShellArg = word: "'" + builtins.replaceStrings [ "'" ] [ "'\\\\''" ] word + "'";
  };
}`;

describe("Nix texts", needs("nix-instantiate"), () => {
  const directory = scratchDirectory();
  const stub = join(directory, "nixpkgs.nix");
  beforeAll(() => writeFileSync(stub, stubPackages));

  const home = "/home/user";
  const twin = (file: string) =>
    new Map([
      [
        file,
        {
          storePath: at("9", "python3-3.12.4"),
          below: "/bin/python3.12",
          version: "3.12.4",
          package: packageOf("python3-3.12.4"),
        },
      ],
    ]);
  const foreign = {
    ...(environmentOf("/opt/foreign").systems[0] as SystemEnvironment),
    system: "i686-linux",
    own: false,
  };
  const texts = async (strange: string) => {
    const found = environmentOf(`${home}${strange}`);
    const both = { ...found, systems: [...found.systems, foreign] };
    const all: Record<string, string> = {};
    for (const [which, each] of Object.entries({ one: found, both })) {
      const packages = await packaged(each, store, nobodyLocates);
      all[`flake ${which}`] = flakeText(packages);
      all[`shell.nix ${which}`] = shellNixText(packages);
      all[`nixos ${which}`] = nixosText(packages);
      all[`fhs ${which}`] = fhsText(packages);
      all[`home-manager ${which}`] = homeManagerText(packages, new Map(), home);
      all[`home-manager twin ${which}`] = homeManagerText(
        packages,
        twin(`${home}${strange}`),
        home,
      );
    }
    return all;
  };
  const evaluate = (expression: string) => {
    const { stdout, stderr, status } = nix(["--eval", "--strict", "--json", "--expr", expression]);
    if (status !== 0) throw new Error(`${stderr}\n${expression}`);
    return JSON.parse(stdout);
  };
  const pkgs = () => `(import ${stub} { })`;

  it("parse, whatever the names", async () => {
    await fc.assert(
      fc.asyncProperty(strangeNames, async (strange) => {
        for (const [format, text] of Object.entries(await texts(strange))) {
          const { stderr, status } = nix(["--parse", "--expr", text]);
          expect(stderr, `${format}\n${text}`).toBe("");
          expect(status).toBe(0);
        }
      }),
      { numRuns: 6 },
    );
  });

  // Against a stub of nixpkgs: the real one would have to be downloaded.
  it("for shell.nix set what nix-ld reads", async () => {
    const strange = `/$\{throw 1}'\n`;
    const all = await texts(strange);
    const shell = evaluate(`(${all["shell.nix one"]}) { pkgs = ${pkgs()}; }`);
    expect(shell).toEqual({
      isShell: true,
      NIX_LD: "/pkgs/x86_64-linux/glibc/lib/ld-linux-x86-64.so.2",
      NIX_LD_LIBRARY_PATH: [
        "gcc-lib/lib",
        "zlib-lib/lib",
        "or-lib/lib",
        "never-heard-of-lib/lib",
        "libpulseaudio-lib/lib/pulseaudio",
      ]
        .map((path) => `/pkgs/x86_64-linux/${path}`)
        .concat(`${home}${strange}`)
        .join(":"),
    });
  });
  it.each([
    ["has only the new name", `{ libx11 = "new"; xorg = { }; }`, "new"],
    ["has only the old name", `{ xorg.libX11 = "old"; }`, "old"],
    ["warns of the old name", `{ libx11 = "new"; xorg.libX11 = throw "renamed"; }`, "new"],
  ])("use a renamed package's name in a nixpkgs that %s", async (_, names, expected) => {
    const libx11 = packageOfSoname("libX11.so.6");
    if (libx11 === null) throw new Error("no package for libX11.so.6");
    const system = "x86_64-linux";
    const lacking = {
      missing: [{ soname: "libX11.so.6", system, versions: [], packages: [libx11] }],
    };
    const environment = await packaged(environmentOf("/opt", lacking), store, nobodyLocates);
    const { programs } = evaluate(
      `(${nixosText(environment)}) { pkgs = ${pkgs()} // ${names}; options = { }; }`,
    );
    expect(programs["nix-ld"].libraries).toContain(expected);
  });
  it("for a flake have a dev shell with the same", async () => {
    const all = await texts("/x");
    const inputs = `{ nixpkgs.legacyPackages.x86_64-linux = ${pkgs()} // { pkgsi686Linux = import ${stub} { system = "i686-linux"; }; }; }`;
    const shell = evaluate(
      `((${all["flake both"]}).outputs ${inputs}).devShells.x86_64-linux.default`,
    );
    expect(shell.isShell).toBe(true);
    expect(shell.NIX_LD).toBe("/pkgs/x86_64-linux/glibc/lib/ld-linux-x86-64.so.2");
    expect(shell.NIX_LD_i686_linux).toBe("/pkgs/i686-linux/glibc/lib/ld-linux-x86-64.so.2");
    expect(shell.NIX_LD_LIBRARY_PATH).toContain("/pkgs/x86_64-linux/zlib-lib/lib:");
  });
  it("for nixos turn nix-ld on, with the libraries", async () => {
    const module = async (options: string) =>
      evaluate(`(${(await texts("/x"))["nixos one"]}) { pkgs = ${pkgs()}; options = ${options}; }`);
    const { programs } = await module("{ }");
    expect(programs["nix-ld"].enable).toBe(true);
    expect(programs["nix-ld"].libraries).toContain("/pkgs/x86_64-linux/zlib");
    expect(programs["nix-ld"].libraries).toContain("/pkgs/x86_64-linux/libpulseaudio");
    // It adds to NixOS's defaults.
    const added = await module('{ programs.nix-ld.libraries.default = [ "usual" ]; }');
    expect(added.programs["nix-ld"].libraries).toEqual(["usual", ...programs["nix-ld"].libraries]);
  });
  it("for fhs start the program", async () => {
    const text = (await texts("/it's"))["fhs one"];
    const built = evaluate(
      `let it = (${text}) { pkgs = ${pkgs()}; }; in it // { targetPkgs = it.targetPkgs ${pkgs()}; }`,
    );
    expect(built.isFhs).toBe(true);
    expect(built.targetPkgs).toContain("/pkgs/x86_64-linux/zlib");
    const said = (script: string) => execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" });
    expect(said(`printf %s ${built.runScript}`)).toBe(`${home}/it's`);
    // Directories from elsewhere are kept.
    const set = `LD_LIBRARY_PATH=/before; ${built.profile}; printf %s "$LD_LIBRARY_PATH"`;
    const deeper = "/pkgs/x86_64-linux/libpulseaudio-lib/lib/pulseaudio";
    expect(said(set)).toBe(`${deeper}:${home}/it's:/before`);
  });
  it("for fhs have what 32-bit programs need where 64-bit ones run", async () => {
    const evaluated = (text: string | undefined) =>
      evaluate(
        `let it = (${text}) { pkgs = ${pkgs()} // { pkgsi686Linux = ${pkgs()}; }; };
         in it // builtins.mapAttrs (_: list: list ${pkgs()}) { inherit (it) targetPkgs multiPkgs; }`,
      );
    const both = evaluated((await texts("/x"))["fhs both"]);
    expect(both.multiArch).toBe(true);
    expect(both.targetPkgs).toContain("/pkgs/x86_64-linux/zlib");
    const only = { ...environmentOf("/opt/foreign"), systems: [foreign] };
    only.programs = only.programs.map((each) => ({ ...each, system: "i686-linux" }));
    const narrow = evaluated(fhsText(await packaged(only, store, nobodyLocates)));
    expect(narrow.targetPkgs).toEqual([]);
    for (const each of [both, narrow]) expect(each.multiPkgs).toContain("/pkgs/x86_64-linux/zlib");
  });
  it("for nixos and container have directories below a package's lib", async () => {
    const packages = await packaged(environmentOf("/x"), store, nobodyLocates);
    expect(nixosText(packages)).toContain(
      "# nix-ld searches only lib of libpulseaudio: add its lib/pulseaudio to NIX_LD_LIBRARY_PATH",
    );
    expect(containerText(packages, ["/x"], "/")).toContain(
      'ENV LD_LIBRARY_PATH="/libraries/lib:/libraries/lib/pulseaudio:/x"',
    );
  });
  it("for home-manager link the twin, and set variables if there is none", async () => {
    const all = await texts("/.rye/python3.12");
    const packages = `(${pkgs()} // { python312 = { outPath = "/pkgs/python312"; }; })`;
    const linked = evaluate(`(${all["home-manager twin one"]}) { pkgs = ${packages}; }`);
    expect(linked.home.file[".rye/python3.12"]).toEqual({
      force: true,
      source: "/pkgs/python312/bin/python3.12",
    });
    const without = evaluate(`(${all["home-manager one"]}) { pkgs = ${pkgs()}; }`);
    expect(without.home.sessionVariables.NIX_LD).toContain("/glibc/lib/ld-linux");
    // Inside its double quotes, a shell reads what is meant.
    const strange = `/own "$HOME" \`libraries\` \\ it's`;
    const text = (await texts(strange))["home-manager one"];
    const { NIX_LD_LIBRARY_PATH } = evaluate(`(${text}) { pkgs = ${pkgs()}; }`).home
      .sessionVariables;
    const script = `export NIX_LD_LIBRARY_PATH="${NIX_LD_LIBRARY_PATH}"; printf %s "$NIX_LD_LIBRARY_PATH"`;
    const read = execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" });
    expect(read.endsWith(`/lib/pulseaudio:${home}${strange}`)).toBe(true);
  });
  it("mark what was guessed", async () => {
    for (const text of Object.values(await texts("/x"))) {
      const line = text.split("\n").find((each) => each.includes("pkgs.never-heard-of"));
      if (line !== undefined) expect(line).toContain("# guessed from the store path's name");
    }
  });
});

describe("a Containerfile", () => {
  it("has the loader in its place and the libraries from their packages", async () => {
    const found = environmentOf("/home/user/my program");
    const packages = await packaged(found, store, nobodyLocates);
    const text = containerText(packages, ["/home/user/my program"], "/home/user");
    expect(text).toContain('COPY ["my program","/home/user/my program"]');
    expect(text).toContain("/closure/lib64/ld-linux-x86-64.so.2");
    expect(text).toContain("pkgs.zlib");
    expect(text).toContain('ENTRYPOINT ["/home/user/my program"]');
    expect(text).toMatch(/^# never-heard-of: guessed from the store path's name/m);
  });
  it(
    "builds what runs in it, and in nothing else",
    needs("gcc", "x86-64", "buildah", "mount namespaces"),
    async () => {
      const directory = scratchDirectory();
      const image = join(directory, "image");
      const context = join(directory, "context");
      const at = (letter: string, name: string) => join(image, store, `${hash(letter)}-${name}`);
      const library = (path: string, name: string) =>
        compile(
          path,
          `int ${name}(void) { return 1; }`,
          "-shared",
          "-fPIC",
          `-Wl,-soname,${basename(path)}`,
        );
      copyGlibc(join(at("a", "glibc"), "lib"));
      const packagedLibrary = library(join(at("c", "zlib"), "lib/libpackaged.so.1"), "packaged");
      // What is in no store is copied, whatever its name.
      const own = library(join(context, 'own "$HOME" libraries/libown.so.1'), "own");
      const named = "my $HOME program's";
      compile(
        join(context, named),
        `#include <stdio.h>
         #include <stdlib.h>
         int packaged(void), own(void);
         int main(int count, char **words) {
           printf("%d %s %s", packaged() + own(), words[0], getenv("LD_LIBRARY_PATH"));
           return 0;
         }`,
        ...[packagedLibrary, own, "-Wl,--dynamic-linker=/lib64/ld-linux-x86-64.so.2"],
      );
      // Nix is not available for the build: stubs of its two commands print what they would.
      const command = (name: string, script: string) => {
        mkdirSync(join(image, "image/bin"), { recursive: true });
        writeFileSync(join(image, "image/bin", name), `#!/bin/sh -eu\n${script}\n`, {
          mode: 0o755,
        });
      };
      const built = `${store}/${hash("l")}-libraries`;
      command(
        "nix-build",
        `[ "$1 $2 $3 $#" = "--out-link /libraries --expr 4" ]
         case $4 in "let pkgs = import <nixpkgs> "*" pkgs.buildEnv "*pkgs.zlib*) ;; *) exit 1 ;; esac
         mkdir -p ${built}/lib
         ln -s ${store}/*-glibc/lib/* ${store}/*-zlib/lib/* ${built}/lib
         ln -s ${built} /libraries`,
      );
      command("nix-store", `[ "$*" = "--query --requisites /libraries" ]\nls -d ${store}/*`);

      const found = environmentOf(`/home/user/${named}`, {
        directories: [
          `${store}/${hash("c")}-zlib-1.3.1/lib`,
          dirname(`/home/user${own.slice(context.length)}`),
        ],
      });
      const environment = await packaged(found, store, nobodyLocates);
      const text = containerText(environment, [`/home/user/${named}`], "/home/user");
      const images = new Images(join(directory, "images"));
      const variables = { PATH: "/image/bin:/usr/bin:/bin" };
      images.add({ name: "docker.io/nixos/nix", root: image, variables });
      expect(images.start(images.build(text, context))).toBe(
        `2 /home/user/${named} /libraries/lib:/home/user/own "$HOME" libraries`,
      );
    },
  );
  it("is refused for names that would break its lines", async () => {
    const packages = await packaged(environmentOf("/a\nRUN b"), store, nobodyLocates);
    expect(() => containerText(packages, ["/a\nRUN b"], "/")).toThrow(FixelfError);
  });
  it("is refused for names that are patterns", async () => {
    const packages = await packaged(environmentOf("/app"), store, nobodyLocates);
    for (const name of ["/a*", "/a?", "/a[b]", "/a\\b"])
      expect(() => containerText(packages, [name], "/"), name).toThrow(`can't copy ${name}:`);
  });
});

describe("a farm", () => {
  const directory = scratchDirectory();
  const place = storePlace({ store: join(directory, "store") });
  const farm = join(directory, "farm");

  const system = (...libraries: [soname: string, path: string][]): SystemEnvironment => ({
    ...(environmentOf("/x").systems[0] as SystemEnvironment),
    libraries: libraries.map(([soname, path]) => ({ soname, path, storePath: null })),
  });
  const links = () =>
    Object.fromEntries(readdirSync(farm).map((name) => [name, readlinkSync(join(farm, name))]));
  const loader = environmentOf("/x").systems[0]?.loader;

  it("has a link for each library, and for the loader", async () => {
    await makeFarm(
      farm,
      [system(["libz.so.1", "/z/1"], ["/slash/lib.so", "/s"], ["..", "/d"])],
      place,
    );
    expect(links()).toEqual({ "ld.so": loader, "libz.so.1": "/z/1" });
  });
  it("is replaced in one step, and the old one is removed", async () => {
    await makeFarm(farm, [system(["libz.so.1", "/z/2"], ["liba.so", "/a"])], place);
    expect(links()).toEqual({ "ld.so": loader, "libz.so.1": "/z/2", "liba.so": "/a" });
    expect(readdirSync(directory).filter((name) => name.startsWith(".farm"))).toHaveLength(1);
  });
  it("is completed after a killed run", async () => {
    const whole = links();
    rmSync(join(farm, "libz.so.1"));
    await makeFarm(farm, [system(["libz.so.1", "/z/2"], ["liba.so", "/a"])], place);
    expect(links()).toEqual(whole);
  });
  it("keeps files that are not its own", async () => {
    const generation = readlinkSync(farm);
    writeFileSync(join(directory, generation, "mine"), "");
    await makeFarm(farm, [system(["liba.so", "/b"])], place);
    expect(readdirSync(join(directory, generation))).toEqual(["mine"]);
    expect(links()).toEqual({ "ld.so": loader, "liba.so": "/b" });
  });
  it("has the libraries from --lib, which variables need not name any more", async () => {
    const added = join(directory, "added");
    mkdirSync(added);
    const libm = ownLibrary("libm.so.6");
    copyFileSync(libm, join(added, "libmine.so"));
    const host = { ...system(["liba.so", "/b"]), loader: libm };
    await makeFarm(farm, [host], place, [added]);
    const mine = join(added, "libmine.so");
    expect(links()).toEqual({
      "ld.so": libm,
      "liba.so": "/b",
      "libmine.so": mine,
      "libm.so.6": mine,
    });
  });
  it("does not replace anything else", async () => {
    const other = join(directory, "other");
    mkdirSync(other);
    await expect(makeFarm(other, [system()], place)).rejects.toMatchObject({ code: "usage" });
    expect(readdirSync(other)).toEqual([]);
  });
  it("is for one machine", async () => {
    await expect(makeFarm(farm, [system(), system()], place)).rejects.toMatchObject({
      code: "usage",
    });
  });
});
