// A library missing from the store: from a program that lacks it to one that runs, in one command.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Environment } from "../../lib/index.js";
import { compile } from "../support/compile.js";
import { needs } from "../support/needs.js";
import { compressed, Writer, withHeader } from "../support/nix_index.js";
import { inEachRoot } from "../world/in-each-root.js";
import { folder, type LoaderState, openWorld, type World } from "../world/world.js";
import type { DoctorDocument, Fetched, FindDocument, FixDocument } from "./contract.js";
import { expectHealthy, undo, written } from "./life.js";

const recipe = fileURLToPath(new URL("nix/packages", import.meta.url));
const parts = ["libxcrypt-legacy", "db", "keyutils", "krb5", "libtirpc", "libnsl"];

const ways = [
  {
    name: "by nix-build, where flakes are off",
    environment: { NIX_CONFIG: "experimental-features =", NIX_PATH: "nixpkgs=/home/user/nixpkgs" },
    flags: ["--nixpkgs", "<nixpkgs>"],
  },
  {
    name: "by nix build, from a flake",
    environment: { NIX_CONFIG: "experimental-features = nix-command flakes" },
    flags: ["--nixpkgs", "/home/user/nixpkgs"],
  },
];

const quiet = { PYTHONDONTWRITEBYTECODE: "1" };
const imports = "import warnings; warnings.simplefilter('ignore'); import crypt, _dbm";
const pythonOf = (tree: string) => `${tree}/usr/bin/python3.11`;

inEachRoot("a library missing from the store", (loader) => {
  // To Nix it makes no difference what is in the loader's place.
  describe.each(loader === "absent" ? ways : ways.slice(0, 1))(
    "fetched $name",
    ({ environment, flags }) => {
      let world: World;
      let tree: string;
      let original: string;
      let changed: string[];

      beforeAll(async () => {
        ({ world, tree } = await openWithout(loader));
        original = await world.sha256(tree);
      });
      afterAll(() => world?.dispose());

      it("keeps its program from starting, and doctor gives the reason with the package", async () => {
        expect((await world.run([pythonOf(tree), "--version"])).exitCode).toBe(127);
        const { document, exitCode } = await world.fixelfJson<DoctorDocument>(["doctor", tree]);
        expect(exitCode).toBe(1);
        const all = document.files.flatMap(({ findings }) => findings);
        const missing = all.find(({ message }) => message.includes("libcrypt.so.1"));
        expect(missing?.remedy).toContain("nixpkgs#libxcrypt-legacy");
        expect(missing?.remedy).toContain(`fixelf fix --get ${tree}`);
      });

      it("lets its program run after fix --get", async () => {
        const { exitCode, document, stderr } = await world.fixelfJson<FixDocument & Fetched>(
          ["fix", "--get", "--yes", ...flags, tree],
          { environment },
        );
        expect(
          document.files.filter(({ outcome }) => outcome === "refused"),
          stderr,
        ).toEqual([]);
        expect(exitCode).toBe(0);
        expect(document.got?.map(({ attribute }) => attribute)).toContain("libxcrypt-legacy");
        changed = written(document);
        await expectHealthy(world, pythonOf(tree));
        await world.check([pythonOf(tree), "-c", imports], { environment: quiet });
      });

      it("survives a garbage collection", async () => {
        await world.shell("nix-store --gc");
        await world.check([pythonOf(tree), "-c", imports], { environment: quiet });
      });

      it("is dropped again by undo, which restores every byte", async () => {
        await undo(world, changed);
        expect(await world.sha256(tree)).toBe(original);
        expect(await linksOf(world)).toBe("");
      });
    },
  );
});

describe.each(ways)("getting a library $name", needs("test world"), ({ environment, flags }) => {
  let world: World;
  let tree: string;
  let original: string;

  beforeAll(async () => {
    ({ world, tree } = await openWithout());
    original = await world.sha256(tree);
  });
  afterAll(() => world?.dispose());

  it("requires a confirmation if there is no terminal to ask on", async () => {
    const argv = ["fix", "--get", ...flags, tree];
    const { exitCode, stderr } = await world.fixelf(argv, { environment });
    expect(stderr).toContain("libxcrypt-legacy for libcrypt.so.1");
    expect(stderr).toMatch(/derivations? to build here/);
    expect(stderr).toContain("add --yes");
    expect(exitCode).toBe(2);
    expect(await world.sha256(tree)).toBe(original);
    expect(await linksOf(world)).toBe("");
  });

  it.each([
    ["a no", "n\n", 1, "Nothing was fetched or changed."],
    ["an interruption", "\x03", 130, "cancelled; nothing was fetched or changed"],
  ])("does nothing after %s", needs("script"), async (_, keys, wanted, said) => {
    const argv = ["fix", "--get", ...flags, tree];
    const typed = { after: "Go on? [Y/n] ", keys };
    const { exitCode, stdout } = await world.fixelf(argv, { environment, typed });
    expect(stdout).toContain("libxcrypt-legacy for libcrypt.so.1");
    expect(stdout).toContain(said);
    expect(exitCode, stdout).toBe(wanted);
    expect(await world.sha256(tree)).toBe(original);
    expect(await linksOf(world)).toBe("");
  });

  it("goes on after a yes", needs("script"), async () => {
    const argv = ["find", "--get", ...flags, "libcrypt.so.1"];
    const typed = { after: "Go on? [Y/n] ", keys: "y\n" };
    const { exitCode, stdout } = await world.fixelf(argv, { environment, typed });
    expect(stdout).toMatch(/\/nix\/store\/\w+-libxcrypt-4\.4\.38\/lib/);
    expect(exitCode, stdout).toBe(0);
    await world.shell("rm /root/.local/state/fixelf/gcroots/*; nix-store --gc");
  });

  it("ends when it is interrupted", async () => {
    const interrupt =
      "until grep -qsx sleep /proc/[0-9]*/comm; do usleep 20000; done; kill -INT $$";
    const fixelf = ["fixelf", "find", "--get", "--yes", ...flags, "libICE.so.6"];
    const { exitCode, stderr } = await world.run(
      ["sh", "-c", `(${interrupt}) & exec "$@"`, "sh", ...fixelf],
      { environment },
    );
    expect(stderr).toContain("libice for libICE.so.6");
    expect(stderr).toContain("cancelled");
    expect(exitCode).toBe(130);
    expect(await linksOf(world)).toBe("");
  });

  it("reports what nixpkgs refuses, and keeps nothing", async () => {
    const fixelf = ["find", "--get", "--yes", ...flags, "libXt.so.6", "libSM.so.6"];
    const { exitCode, stderr, document } = await world.fixelfJson<FindDocument>(fixelf, {
      environment,
    });
    expect(document).toMatchObject({
      got: [],
      notGot: [
        { soname: "libXt.so.6", why: expect.stringContaining("or refuses it") },
        { soname: "libSM.so.6", why: "libsm does not bring what is needed of it" },
      ],
    });
    expect(stderr).toMatch(/cannot get libXt\.so\.6: .* has no libxt.*, or refuses it/);
    expect(stderr).toContain("does not bring what is needed of libSM.so.6");
    expect(exitCode).toBe(1);
    expect(await linksOf(world)).toBe("");
  });

  it("works with run, env and find, too", async () => {
    const script = `${imports}; print(6 * 7)`;
    const run = ["run", "--get", "--yes", ...flags, "--with", tree];
    const program = [pythonOf(tree), "-c", script];
    const all = { ...environment, ...quiet };
    expect(await world.check(["fixelf", ...run, ...program], { environment: all })).toBe("42");
    await world.shell("rm -f /root/.local/state/fixelf/gcroots/*; nix-store --gc");
    const settings = ["env", "--get", "--yes", ...flags, tree];
    const { document: env } = await world.fixelfJson<Environment>(settings, { environment });
    const storePath = expect.stringMatching(/^\/nix\/store\/\w+-libxcrypt-4\.4\.38$/);
    expect(env.systems[0]?.libraries).toContainEqual(
      expect.objectContaining({ soname: "libcrypt.so.1", storePath }),
    );
    await world.shell("rm -f /root/.local/state/fixelf/gcroots/*; nix-store --gc");
    const find = ["find", "--get", "--yes", ...flags, "libcrypt.so.1"];
    const { document } = await world.fixelfJson<FindDocument>(find, { environment });
    const [library] = document.sonames;
    expect(library?.providers[0]?.storePath).toMatch(/\/nix\/store\/\w+-libxcrypt-4\.4\.38$/);
    const [got] = document.got ?? [];
    expect(got?.storePath).toBe(library?.providers[0]?.storePath);
    expect(got).toMatchObject({ attribute: "libxcrypt-legacy", sonames: ["libcrypt.so.1"] });
    expect(document.notGot).toEqual([]);
  });
});

describe("a binary cache", needs("test world", "zstd", "gcc"), () => {
  let world: World;
  const config = [
    "experimental-features = nix-command flakes",
    "substituters = file:///home/user/cache",
    "require-sigs = false",
  ];
  const environment = { NIX_CONFIG: config.join("\n") };
  const get = (name: string, more: Record<string, string> = {}) => {
    const words = ["find", "--get", "--yes", "--nixpkgs", "/home/user/nixpkgs", name];
    return world.fixelf(words, { environment: { ...environment, ...more } });
  };

  beforeAll(async () => {
    world = await openWorld();
    layOutNixpkgs(world);
    layOutSessionManager(world);
    await world.shell(
      `nix-store --gc
       for each in libxcrypt-legacy libsm session-manager; do
         path=$(nix-build --no-out-link /home/user/nixpkgs -A $each)
         nix copy --to 'file:///home/user/cache?write-nar-listing=true' "$path"
       done
       nix-store --gc`,
      { environment: { NIX_CONFIG: "experimental-features = nix-command" } },
    );
  });
  afterAll(() => world?.dispose());

  /** Edits the listings of store paths with that name. */
  const editListing = async (name: string, edit: string) => {
    const narinfo = await world.shell(`grep -l -- '-${name}' /home/user/cache/*.narinfo`);
    const files = narinfo.split("\n").map((each) => each.replace(/narinfo$/, "ls"));
    for (const file of files) await world.shell(`node -e '${edit}' ${file}`);
  };

  it("is asked for its listing before anything is fetched", async () => {
    const { stderr, stdout, exitCode } = await get("libcrypt.so.1");
    expect(stderr).toMatch(
      /libxcrypt-legacy for libcrypt\.so\.1: file:\/\/\/home\/user\/cache has lib\/libcrypt\.so\.1 \(libcrypt\.so\.1\.1\.0\), \d+ KiB/,
    );
    expect(stderr).toMatch(/1 store path to fetch/);
    expect(stdout).toContain("-libxcrypt-4.4.38/lib/libcrypt.so.1");
    expect(exitCode).toBe(0);
  });

  it("keeps Nix from fetching a package whose listing lacks the library", async () => {
    await world.shell("rm /root/.local/state/fixelf/gcroots/*; nix-store --gc");
    const { stderr, exitCode } = await get("libSM.so.6");
    expect(stderr).toContain(
      "cannot get libSM.so.6: the binary cache's listing of libsm does not have it",
    );
    expect(exitCode).toBe(1);
    expect(await world.shell("ls /root/.local/state/fixelf/gcroots")).toBe("");
  });

  it("leads to the next package, before anything is fetched, if its listing lacks the library", async () => {
    const { stdout, stderr, exitCode } = await get("libSM.so.6", {
      NIX_INDEX_DATABASE: "/home/user/index",
    });
    expect(stderr).toMatch(
      /session-manager for libSM\.so\.6: file:\/\/\/home\/user\/cache has lib\/libSM\.so\.6/,
    );
    expect(stderr).toMatch(/1 store path to fetch/);
    expect(stdout).toMatch(/\/nix\/store\/\w+-session-manager-1\.0\/lib\/libSM\.so\.6/);
    expect(exitCode, stderr).toBe(0);
    expect(await world.shell("ls /root/.local/state/fixelf/gcroots")).toMatch(
      /^\w+-session-manager-1\.0$/,
    );
    expect(await world.shell("ls /nix/store | grep 'libxcrypt-4.4.38$' || true")).toBe("");
    await world.shell("rm /root/.local/state/fixelf/gcroots/*; nix-store --gc");
  });

  it("is found out if its listing is wrong", async () => {
    const lie = `const fs = require("fs"), file = process.argv[1], listing = JSON.parse(fs.readFileSync(file));
      listing.root.entries.lib.entries["libSM.so.6"] = { type: "regular", size: 5 };
      fs.writeFileSync(file, JSON.stringify(listing))`;
    await editListing("libxcrypt-4.4.38", lie);
    const { stderr, exitCode } = await get("libSM.so.6");
    expect(stderr).toContain("file:///home/user/cache has lib/libSM.so.6");
    expect(stderr).toMatch(/\(libsm\) does not bring what is needed of libSM\.so\.6/);
    expect(exitCode).toBe(1);
    expect(await world.shell("ls /root/.local/state/fixelf/gcroots")).toBe("");
  });
});

describe("an unusable nixpkgs", needs("test world"), () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
    const put = (name: string, text: string) => {
      mkdirSync(world.host(`/home/user/${name}`));
      writeFileSync(world.host(`/home/user/${name}/default.nix`), text);
    };
    put("other", "{ ... }: { }");
    put("throws", 'throw "it is no longer here"');
    const builder = `builder = "/bin/sh"; args = [ "-c" "printf '\\\\033[31mno luck\\\\033[0m\\\\n' >&2; exit 3" ];`;
    put(
      "fails",
      `{ libxcrypt-legacy = derivation { name = "x"; system = "x86_64-linux"; ${builder} }; }`,
    );
    await world.shell("nix-store --gc");
  });
  afterAll(() => world?.dispose());

  const lacks = "has no libxcrypt-legacy, or refuses it";
  it.each([
    [
      "lacks the package",
      "/home/user/other",
      1,
      `cannot get libcrypt.so.1: /home/user/other ${lacks}`,
    ],
    ["is none", "/home/user/throws", 2, "nix-instantiate failed: error: it is no longer here"],
    ["is not there", "/home/user/nowhere", 2, "'/home/user/nowhere': No such file or directory"],
    ["is not in NIX_PATH", "<nixpkgs>", 2, "file 'nixpkgs' was not found in the Nix search path"],
    ["is not named", "", 2, "--nixpkgs takes a flake, a directory, <nixpkgs> or channel:NAME"],
    ["cannot be reached", "channel:nixos-24.11", 2, "https://nixos.org/channels/nixos-24.11"],
    ["builds nothing", "/home/user/fails", 2, "; no luck; "],
  ])("%s", async (_, nixpkgs, wanted, said) => {
    const words = ["find", "--get", "--yes", "--nixpkgs", nixpkgs, "libcrypt.so.1"];
    // No network, wherever this runs: nothing listens on port 9.
    const environment = {
      ...{ NIX_CONFIG: "experimental-features =", NIX_PATH: "" },
      https_proxy: "http://127.0.0.1:9",
    };
    const { stderr, exitCode } = await world.fixelf(words, { environment });
    expect(stderr).toContain(said);
    expect(stderr).not.toContain("[31");
    expect(exitCode).toBe(wanted);
    expect(await linksOf(world)).toBe("");
  });
});

describe("a package that does not help", needs("test world", "zstd", "gcc"), () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
    layOutNixpkgs(world);
    layOutSessionManager(world);
    await world.shell("nix-store --gc");
  });
  afterAll(() => world?.dispose());

  it("is given up for the next one", async () => {
    const words = ["find", "--get", "--yes", "--nixpkgs", "/home/user/nixpkgs", "libSM.so.6"];
    const environment = {
      NIX_CONFIG: "experimental-features = nix-command flakes",
      NIX_INDEX_DATABASE: "/home/user/index",
    };
    const { stdout, stderr, exitCode } = await world.fixelf(words, { environment });
    expect(stderr).toMatch(
      /-libxcrypt-4\.4\.38 \(libsm\) does not bring what is needed of libSM\.so\.6/,
    );
    expect(stderr).toContain("session-manager for libSM.so.6");
    expect(stdout).toMatch(
      /^libSM\.so\.6\n {2}\/nix\/store\/\w+-session-manager-1\.0\/lib\/libSM\.so\.6/,
    );
    expect(exitCode, stderr).toBe(0);
    const kept = await world.shell("ls /root/.local/state/fixelf/gcroots");
    expect(kept).toMatch(/^\w+-session-manager-1\.0$/);
  });
});

describe("a package that only an older nixpkgs has", needs("test world"), () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
    layOutNixpkgs(world);
    await world.shell("nix-store --gc");
  });
  afterAll(() => world?.dispose());

  it("does not hold back what the user's own has, if the older one cannot be reached", async () => {
    const words = ["find", "--get", "--yes", "libssl.so.1.1", "libcrypt.so.1"];
    const environment = {
      NIX_CONFIG: "experimental-features =",
      NIX_PATH: "nixpkgs=/home/user/nixpkgs",
      // Nothing listens there, so it is the same with and without a network.
      https_proxy: "http://127.0.0.1:9",
    };
    const { stderr, exitCode, document } = await world.fixelfJson<FindDocument>(words, {
      environment,
    });
    expect(stderr).toMatch(/cannot get libssl\.so\.1\.1: .*channels\/nixos-26\.05/);
    expect(document).toMatchObject({
      got: [{ attribute: "libxcrypt-legacy" }],
      notGot: [{ soname: "libssl.so.1.1" }],
    });
    expect(exitCode).toBe(1);
  });
});

/** A world whose store lacks what its copy of CPython needs, and the path of that copy. */
async function openWithout(loader?: LoaderState): Promise<{ world: World; tree: string }> {
  const world = await openWorld(loader);
  const tree = await world.copyProgram("cpython");
  layOutNixpkgs(world);
  await world.shell("nix-store --gc");
  return { world, tree };
}

const linksOf = (world: World) =>
  world.shell("ls /root/.local/state/fixelf/gcroots 2>/dev/null || true");

/** The libraries of the world's own store, under nixpkgs' names for their packages. */
function layOutNixpkgs(world: World): void {
  const nixpkgs = world.host("/home/user/nixpkgs");
  cpSync(recipe, nixpkgs, { recursive: true });
  mkdirSync(join(nixpkgs, "files/nothing"), { recursive: true });
  mkdirSync(join(nixpkgs, "files/slow/slow"), { recursive: true });
  for (const part of parts) {
    const name = `${part}-trixie`;
    const source = join(folder, (world.store[name] as string).slice(1), "lib");
    execFileSync("cp", ["-R", "--no-preserve=mode", source, join(nixpkgs, "files", name)]);
  }
}

/**
 * A package with a library that fixelf's table has in another one, and a database that has both.
 */
function layOutSessionManager(world: World): void {
  compile(
    world.host("/home/user/nixpkgs/files/session-manager/libSM.so.6"),
    "int manages(void) { return 1; }",
    ...["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libSM.so.6"],
  );
  const writer = new Writer();
  writer.add({
    attribute: "session-manager",
    output: "out",
    name: "session-manager-1.0",
    toplevel: true,
    files: [["9x", "/lib/libSM.so.6"]],
  });
  mkdirSync(world.host("/home/user/index"));
  writeFileSync(world.host("/home/user/index/files"), withHeader(compressed(writer.content())));
}
