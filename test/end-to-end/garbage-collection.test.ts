// Real garbage collections of a real store, and what they leave of a fixed program.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import type { DoctorDocument } from "./contract.js";
import { expectHealthy, findings, fix, undo, written } from "./life.js";

/** A newer system is installed, the old one is removed, and the machine is restarted. */
async function upgrade(world: World): Promise<void> {
  const profile = "/nix/var/nix/profiles/system";
  await world.shell(
    `nix-env --profile ${profile} --switch-generation 2
     nix-env --profile ${profile} --delete-generations 1`,
  );
  await world.shell("nix-store --gc");
}

/** Whether a path that a program's loader or search path refers to still exists. */
async function inStore(world: World, name: string): Promise<boolean> {
  const { exitCode } = await world.run(["test", "-e", world.store[name] as string]);
  return exitCode === 0;
}

inEachRoot("garbage collection", (loader) => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld(loader);
  });
  afterEach(() => world?.dispose());

  it("leaves a fixed program alone", async () => {
    const program = `${await world.copyProgram("biome")}/biome`;
    await fix(world, program);
    await upgrade(world);
    expect(await inStore(world, "glibc-trixie")).toBe(true);
    await expectHealthy(world, program);
    expect(await world.check([program, "--version"])).toContain("Version");
  });

  it("leaves alone what an ordinary user fixed, through the daemon", async () => {
    const program = `${await world.copyProgram("biome")}/biome`;
    const asUser = true;
    expect(await world.run(["fixelf", "fix", program], { asUser })).toMatchObject({ exitCode: 0 });
    await upgrade(world);
    expect(await inStore(world, "glibc-trixie")).toBe(true);
    expect(await world.check([program, "--version"], { asUser })).toContain("Version");
  });

  it("breaks a program fixed without roots, and a second fix repairs it", async () => {
    const program = `${await world.copyProgram("biome")}/biome`;
    const original = await world.sha256(program);
    await fix(world, program, "--no-gc-root");
    await upgrade(world);

    expect(await inStore(world, "glibc-trixie")).toBe(false);
    expect((await world.run([program, "--version"])).exitCode).toBe(127);
    const { exitCode, document } = await world.fixelfJson<DoctorDocument>(["doctor", program]);
    expect(exitCode).toBe(1);
    expect(document.files[0]?.verdict).toBe("broken");
    expect(document.files[0]?.findings.map(({ code }) => code)).toContain("interpreter-collected");

    await fix(world, program);
    await expectHealthy(world, program);
    expect(await world.check([program, "--version"])).toContain("Version");
    await undo(world, [program]);
    expect(await world.sha256(program)).toBe(original);
  });
});

describe("a garbage collection", needs("test world"), () => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world?.dispose());

  it("deletes the running system's loader, once another system runs", async () => {
    expect(await inStore(world, "glibc-trixie")).toBe(true);
    await upgrade(world);
    expect(await inStore(world, "glibc-trixie")).toBe(false);
    expect(await inStore(world, "glibc-forky")).toBe(true);
  });

  it("leaves the libraries of a fixed program's modules alone", async () => {
    const tree = await world.copyProgram("cpython");
    await fix(world, tree);
    await world.shell("nix-store --gc");
    expect(await inStore(world, "libxcrypt-legacy-trixie")).toBe(true);
    await world.check([`${tree}/usr/bin/python3.11`, "-c", "import ssl, crypt, sqlite3"]);
  });

  it("breaks modules fixed without roots, and doctor reports it", async () => {
    const tree = await world.copyProgram("cpython");
    await fix(world, tree, "--no-gc-root");
    await world.shell("nix-store --gc");

    expect(await inStore(world, "libxcrypt-legacy-trixie")).toBe(false);
    const broken = await findings(world, tree);
    const [module] = Object.keys(broken).filter((path) => path.includes("/_crypt."));
    expect(broken[module ?? ""]).toContain("library-collected");
  });

  it("deletes what only an undone program needed", async () => {
    const tree = await world.copyProgram("cpython");
    const document = await fix(world, tree);
    await undo(world, written(document));
    await world.shell("nix-store --gc");
    expect(await inStore(world, "libxcrypt-legacy-trixie")).toBe(false);
  });
});
