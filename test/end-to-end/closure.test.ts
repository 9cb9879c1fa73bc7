// What programs of a real store need, compared with what Nix has recorded.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Closure } from "../../lib/index.js";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";
import { fix } from "./life.js";

describe("closure", needs("test world"), () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.dispose());

  const bash = "/run/current-system/sw/bin/bash";
  const at = (name: string) => world.store[name] as string;
  const lines = (text: string) => text.split("\n").filter((line) => line !== "");
  const closure = (path: string) => world.fixelfJson<Closure>(["closure", path]);

  it("divides Nix's closure into what is loaded and what is not", async () => {
    const { exitCode, document } = await closure(bash);
    expect(exitCode).toBe(0);
    expect(document).toMatchObject({ schema: "fixelf.closure/1", storePath: at("bash-trixie") });
    const needed = document.needed.map(({ path }) => path);
    expect([...needed].sort()).toEqual(
      [at("bash-trixie"), at("glibc-trixie"), at("ncurses-trixie")].sort(),
    );
    const requisites = lines(await world.check(["nix-store", "-qR", at("bash-trixie")]));
    const idle = document.neverLoaded.map(({ path }) => path);
    expect([...needed, ...idle].sort()).toEqual([...requisites].sort());
    // glibc names it only for dlopen.
    expect(idle).not.toEqual([]);
    for (const { path, referredToBy } of document.neverLoaded) {
      const referrers = lines(await world.check(["nix-store", "-q", "--referrers", path]));
      const others = referrers.filter((other) => requisites.includes(other) && other !== path);
      expect(referredToBy).toEqual(others.sort());
    }
  });

  it("has Nix's sizes", async () => {
    const { document } = await closure(bash);
    const paths = [...document.needed, ...document.neverLoaded].map(({ path }) => path);
    const sizes = lines(await world.check(["nix-store", "-q", "--size", ...paths])).map(Number);
    const said = [
      ...document.needed.map(({ bytes }) => bytes),
      ...document.neverLoaded.map(({ size }) => size),
    ];
    expect(said).toEqual(sizes);
    const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);
    expect(document.recorded).toEqual({ paths: paths.length, size: sum(sizes) });
    expect(document.neededSize + document.neverLoadedSize).toBe(sum(sizes));
  });

  it("opens what the loader reports that it opens", async () => {
    const { document } = await closure(bash);
    const traced = await world.check([bash, "-c", "true"], {
      environment: { LD_TRACE_LOADED_OBJECTS: "1" },
    });
    const loaded = lines(traced).flatMap((line) => /(\/nix\/store\/\S+)/.exec(line)?.[1] ?? []);
    expect(loaded.length).toBeGreaterThan(2);
    expect(document.needed.flatMap(({ files }) => files).sort()).toEqual(loaded.sort());
  });

  it("finds nothing idle but libgcc in a whole system of links", async () => {
    const { document } = await closure("/run/current-system/sw");
    const requisites = await world.check(["nix-store", "-qR", "/run/current-system/sw"]);
    const all = [...document.needed, ...document.neverLoaded].map(({ path }) => path);
    expect(all.sort()).toEqual(lines(requisites).sort());
    expect(document.neverLoaded.map(({ path }) => path.replace(/^.{44}/, ""))).toEqual([
      expect.stringMatching(/^xgcc-.*-libgcc$/),
    ]);
  });

  it("finds what garbage collection may delete although a store path needs it", async () => {
    // nix-store --add does not scan for references.
    const added = await world.shell(
      `mkdir /tmp/own; cp ${bash} /tmp/own; nix-store --add /tmp/own`,
    );
    const { exitCode, document } = await closure(`${added}/bash`);
    expect(exitCode).toBe(1);
    expect(document.recorded?.paths).toBe(1);
    expect(document.unprotected.map(({ path }) => path).sort()).toEqual(
      [at("glibc-trixie"), at("ncurses-trixie")].sort(),
    );
    const { exitCode: textCode, stdout } = await world.fixelf(["closure", added]);
    expect(textCode).toBe(1);
    expect(stdout).toContain(`not in Nix's closure  ${at("glibc-trixie")}`);
  });

  it("reports what a program outside the store loads", async () => {
    const program = `${await world.copyProgram("biome")}/biome`;
    await fix(world, program);
    const { exitCode, document } = await closure(program);
    expect(exitCode).toBe(0);
    expect(document).toMatchObject({ storePath: null, recorded: null, unprotected: [] });
    expect(document.needed.map(({ path }) => path)).toContain(at("glibc-trixie"));
  });
});
