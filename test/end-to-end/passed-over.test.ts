// Trees with a part that cannot be fixed: each command does the rest, and names that part once.
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { folder, openWorld, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";
import { written } from "./life.js";

const quiet = { PYTHONDONTWRITEBYTECODE: "1" };

/** How often one string occurs in another. */
const count = (text: string, part: string) => text.split(part).length - 1;

/** Copies a tree to a watched directory, waits for a line about a file, and returns all the output. */
async function watchArrive(world: World, tree: string, awaited: string): Promise<string> {
  await world.shell(
    `mkdir /home/user/inbox
    fixelf watch /home/user/inbox >/home/user/told 2>&1 & watch=$!
    until grep -q watching /home/user/told; do usleep 20000; done
    cp -a ${tree} /home/user/inbox
    turn=0
    until grep -q ${awaited} /home/user/told; do
      turn=$((turn + 1)); [ $turn -lt 1200 ] || { cat /home/user/told >&2; exit 1; }
      usleep 100000
    done
    kill $watch; wait $watch`,
  );
  return world.check(["cat", "/home/user/told"]);
}

inEachRoot("a CPython six of whose modules lack libraries", (loader) => {
  let world: World;
  let tree: string;
  let python: string;
  const lacking = ["_crypt", "_dbm", "_gdbm", "_tkinter", "nis", "_yaml"];
  const file = (module: string) => `/${module}.cpython-311-x86_64-linux-gnu.so`;
  const script = "import ssl, sqlite3, readline; print(6 * 7)";
  /** Each of the six exists, and none can be imported. */
  const lack = `import importlib, sys, warnings; warnings.simplefilter('ignore')
sys.path.append('/home/user/cpython/usr/lib/python3/dist-packages')
for module in ${JSON.stringify(lacking.map((name) => (name === "_yaml" ? "yaml._yaml" : name)))}:
  try: importlib.import_module(module)
  except ImportError as failure: print('cannot open shared object file' in str(failure))`;

  beforeAll(async () => {
    world = await openWorld(loader);
    tree = await world.copyProgram("cpython");
    python = `${tree}/usr/bin/python3.11`;
    await execa("cp", ["-a", `${folder}/programs/python-modules/.`, world.host(tree)]);
    // Nothing keeps the libraries of three from collection; those of the others never existed.
    await world.shell("nix-store --gc >/dev/null 2>&1");
  });
  afterAll(() => world?.dispose());

  it("runs with all its other modules", async () => {
    const ran = await world.fixelf(["run", "--with", tree, python, "-c", script], {
      environment: quiet,
    });
    expect([ran.stdout, ran.exitCode]).toEqual(["42", 0]);
    for (const module of lacking) expect(count(ran.stderr, file(module)), ran.stderr).toBe(1);
    expect(ran.stderr.split("\n")).toHaveLength(lacking.length);
    const silent = ["run", "--quiet", "--with", tree, python, "-c", lack];
    const { stdout, stderr } = await world.fixelf(silent, { environment: quiet });
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual(lacking.map(() => "True"));
  });

  it("starts with what env prints", async () => {
    const { stdout, stderr, exitCode } = await world.fixelf(["env", tree]);
    expect(exitCode).toBe(1);
    for (const module of lacking) expect(count(stderr, file(module)), stderr).toBe(1);
    for (const missing of ["libcrypt.so.1: nixpkgs#libxcrypt-legacy", "libtk8.6.so: "])
      expect(count(stdout, `#   ${missing}`), stdout).toBe(1);
    const started = `eval "$(fixelf env ${tree} 2>/dev/null)"
      "$NIX_LD" --library-path "$NIX_LD_LIBRARY_PATH" ${python} -c '${script}'`;
    expect(await world.shell(started, { environment: quiet })).toBe("42");
  });

  it("is fixed as it arrives in a watched directory", async () => {
    const told = await watchArrive(world, tree, "bin/python3.11");
    for (const module of lacking) {
      const lines = told.split("\n").filter((line) => line.includes(file(module)));
      expect(lines).toEqual([expect.stringMatching(/^refused .* no library for /)]);
    }
    const arrived = "/home/user/inbox/cpython/usr/bin/python3.11";
    expect(await world.check([arrived, "-c", script], { environment: quiet })).toBe("42");
  });

  it("is fixed, except for the six modules", async () => {
    const { exitCode, document } = await world.fixelfJson<FixDocument>(["fix", tree]);
    expect(exitCode).toBe(1);
    const rest = document.files.filter(({ outcome }) => !["fixed", "unchanged"].includes(outcome));
    expect(rest.map(({ outcome }) => outcome)).toEqual(lacking.map(() => "refused"));
    for (const module of lacking)
      expect(rest.filter(({ path }) => path.endsWith(file(module)))).toHaveLength(1);
    expect(await world.check([python, "-c", script], { environment: quiet })).toBe("42");
    const left = await world.check([python, "-c", lack], { environment: quiet });
    expect(left.split("\n")).toEqual(lacking.map(() => "True"));
    const { stdout } = await world.fixelf(["fix", tree]);
    for (const module of lacking) expect(stdout).toContain(file(module));
  });
});

inEachRoot("an addon with builds for many machines", (loader) => {
  let world: World;
  const tree = "/home/user/app";
  const node = `${tree}/bin/node`;
  const builds = `${tree}/serialport/prebuilds`;
  const own = `${builds}/linux-x64/@serialport+bindings-cpp.glibc.node`;
  const loads = `console.log(typeof require("${own}").open)`;
  /** The reasons for which builds are skipped, and how many. */
  const others = [
    "it is for arm (ELF32); it is left as it is (4 files)",
    "it is for aarch64 (ELF64); it is left as it is (3 files)",
    "no program here loads a library for musl on x86-64 (ELF64); it is left as it is (",
    "it is a program or library for macOS (Mach-O)",
    "it is a program or library for Windows (PE)",
  ];
  const once = (text: string) => others.map((why) => count(text, why));

  beforeAll(async () => {
    world = await openWorld(loader);
    const programs = `${folder}/programs`;
    const host = world.host(tree);
    await execa("mkdir", [host]);
    await execa("cp", ["-a", `${programs}/node/bin`, `${programs}/serialport`, host]);
    await world.giveToUser(tree);
  });
  afterAll(() => world?.dispose());

  it("is loaded by a program that runs with it", async () => {
    const ran = await world.fixelf(["run", "--with", tree, node, "-e", loads]);
    expect([ran.stdout, ran.exitCode]).toEqual(["function", 0]);
    expect(once(ran.stderr), ran.stderr).toEqual(others.map(() => 1));
    expect(ran.stderr.split("\n")).toHaveLength(others.length);
  });

  it("is loaded with what env prints", async () => {
    const { stderr, exitCode } = await world.fixelf(["env", tree]);
    expect(exitCode).toBe(0);
    expect(once(stderr), stderr).toEqual(others.map(() => 1));
    const started = `eval "$(fixelf env ${tree} 2>/dev/null)"
      "$NIX_LD" --library-path "$NIX_LD_LIBRARY_PATH" ${node} -e '${loads}'`;
    expect(await world.shell(started)).toBe("function");
  });

  it("is fixed as it arrives in a watched directory", async () => {
    const told = await watchArrive(world, tree, "bin/node");
    const line = told.split("\n").filter((each) => each.includes("passed over"));
    expect(line).toEqual([
      expect.stringMatching(/12 files passed over, for .*, which nothing here runs/),
    ]);
    for (const machine of [
      ...["arm (ELF32)", "aarch64 (ELF64)", "musl on x86-64 (ELF64)"],
      ...["macOS (Mach-O)", "Windows (PE)"],
    ])
      expect(count(told, machine), told).toBe(1);
    expect(told.split("\n").filter((line) => line.startsWith("refused"))).toEqual([]);
    const arrived = "/home/user/inbox/app/bin/node";
    const there = loads.replace(tree, "/home/user/inbox/app");
    expect(await world.check([arrived, "-e", there])).toBe("function");
  });

  it("is reported by doctor, with what each other build is for", async () => {
    const { exitCode, stdout } = await world.fixelf(["doctor", "--json", tree]);
    const of = (place: string) =>
      JSON.parse(stdout).files.filter(({ path }: { path: string }) => path.includes(place));
    expect([0, 1]).toContain(exitCode);
    for (const [place, files] of [
      ["darwin-", 1],
      ["win32-", 3],
      ["android-", 2],
    ] as const) {
      const verdicts = of(place).map(({ verdict }: { verdict: string }) => verdict);
      expect(verdicts, place).toEqual(Array(files).fill("other-machine"));
    }
  });

  it("is fixed, and no other build changes", async () => {
    const before = await world.state(builds);
    const { stdout } = await world.fixelf(["fix", "--dry-run", tree]);
    expect(once(stdout), stdout).toEqual(others.map(() => 1));
    const { exitCode, document } = await world.fixelfJson<FixDocument>(["fix", tree]);
    expect(exitCode).toBe(0);
    expect(document.files.filter(({ outcome }) => outcome === "fixed")).toMatchObject(
      [node, own].map(() => ({ verified: true })),
    );
    expect(written(document).sort()).toEqual([node, own].sort());
    const after = await world.state(builds);
    const changed = [...before].filter(([path, state]) => after.get(path)?.sha256 !== state.sha256);
    expect(changed.map(([path]) => `${builds}/${path}`)).toEqual([own]);
    expect(await world.check([node, "-e", loads])).toBe("function");
  });
});
