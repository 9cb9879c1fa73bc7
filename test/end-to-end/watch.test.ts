// Programs that are unpacked into a watched directory, as an installer would do it.
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";
import { expectHealthy, expectStartByNixLdOnly } from "./life.js";

interface WatchRecord {
  path: string;
  outcome: "fixed" | "refused" | "failed";
  verified: boolean;
}

const inbox = "/home/user/inbox";

/** Starts a watch and waits until it is one; `$watch` is its process. */
const startWatch = `
  fixelf watch ${inbox} --json >>/home/user/told 2>/home/user/said & watch=$!
  until grep -q watching /home/user/said; do usleep 20000; done`;
/** Waits until a shell condition holds. */
const until = (condition: string) => `
  turn=0
  until ${condition}; do
    turn=$((turn + 1)); [ $turn -lt 600 ] || { echo "never: ${condition.replaceAll(/["$]/g, "")}" >&2; exit 1; }
    usleep 100000
  done`;
/** Whether a program starts by itself: a stand-in at the loader's place would have no loader. */
const starts = (program: string) => `NIX_LD=/absent ${program} --version >/dev/null 2>&1`;
const endWatch = "kill $watch; wait $watch";
const timeout = 240_000;

inEachRoot("watch", (loader) => {
  let world: World;

  const told = (): WatchRecord[] =>
    readFileSync(world.host("/home/user/told"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  /** What lies about and is nobody's program. */
  const ours = () =>
    readdirSync(world.host(inbox), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.includes(".fixelf-"),
    );
  /** Nothing is left to be done: all is fixed, as the loader says too, and kept from collection. */
  const expectAllFixed = async () => {
    const { document } = await world.fixelfJson<FixDocument>(["fix", inbox]);
    const refused = document.files.filter(({ outcome }) => outcome === "refused");
    const rest = document.files.filter((file) => !refused.includes(file));
    expect(rest.filter(({ outcome, verified }) => outcome !== "unchanged" || !verified)).toEqual(
      [],
    );
    expect(ours()).toEqual([]);
    return { files: rest.map(({ path }) => path), refused: refused.map(({ path }) => path) };
  };

  beforeAll(async () => {
    world = await openWorld(loader);
    for (const name of ["biome", "node", "postgres"] as const) await world.copyProgram(name);
    await world.shell(`
      mkdir -p ${inbox} /home/user/tree
      cd /home/user
      for name in biome node postgres; do tar -cf $name.tar $name; done
      cp -a postgres tree/one && mv postgres tree/two
      tar -cf tree.tar tree`);
  }, timeout);
  afterAll(() => world?.dispose());

  it("fixes npm's programs as they are unpacked, and they run", { timeout }, async () => {
    await expectStartByNixLdOnly(world, "/home/user/biome/biome");
    await world.shell(
      `${startWatch}
      cd ${inbox}
      tar -xf ../biome.tar
      tar -xf ../node.tar
      ${until(`${starts("biome/biome")} && ${starts("node/bin/node")}`)}
      ${until("[ $(wc -l </home/user/told) -ge 2 ]")}
      ${endWatch}`,
      { timeout },
    );
    expect(told().map(({ path, outcome, verified }) => [path, outcome, verified])).toEqual([
      [`${inbox}/biome/biome`, "fixed", true],
      [`${inbox}/node/bin/node`, "fixed", true],
    ]);
    for (const program of ["biome/biome", "node/bin/node"])
      await expectHealthy(world, `${inbox}/${program}`);
    expect(await world.check([`${inbox}/node/bin/node`, "-p", "6 * 7"])).toBe("42");
    // What they point at outlives a collection.
    await world.shell("rm -f /home/user/node/bin/node; nix-store --gc >/dev/null 2>&1");
    expect(await world.check([`${inbox}/node/bin/node`, "-p", "6 * 7"])).toBe("42");
  });

  // What is at the loader's place makes no difference to the rest, which takes its time.
  if (loader !== "stub") return;

  it("loses nothing by kill -9", { timeout }, async () => {
    const pauses = [30, 120, 250, 400, 600, 900, 1300];
    await world.shell(
      `cd ${inbox}
      for pause in ${pauses.join(" ")}; do
        ${startWatch}
        mkdir app-$pause
        tar -C app-$pause -xf ../biome.tar & unpacking=$!
        tar -C app-$pause -xf ../tree.tar tree/one/native
        usleep $((pause * 1000))
        kill -9 $watch
        wait $watch || true
        wait $unpacking
      done
      ${startWatch}
      for pause in ${pauses.join(" ")}; do
        ${until(starts("app-$pause/biome/biome"))}
        ${until(starts("app-$pause/tree/one/native/bin/postgres"))}
      done
      mkdir last && cp ../biome/biome last
      ${until("grep -q last/biome /home/user/told")}
      ${endWatch}`,
      { timeout },
    );
    const { files } = await expectAllFixed();
    for (const pause of pauses) expect(files).toContain(`${inbox}/app-${pause}/biome/biome`);
    await world.shell("nix-store --gc >/dev/null 2>&1");
    await expectAllFixed();
  });

  it("fixes a tree of 2,000 files, each once", { timeout }, async () => {
    await world.shell(
      `: >/home/user/told
      ${startWatch}
      cd ${inbox}
      tar -xf ../tree.tar
      ${until(starts("tree/two/native/bin/postgres"))}
      ${until(starts("tree/one/native/bin/postgres"))}
      mkdir end && cp ../biome/biome end
      ${until("grep -q end/biome /home/user/told")}
      ${endWatch}`,
      { timeout },
    );
    const fixed = told().filter(({ outcome, path }) => outcome === "fixed" && !/end/.test(path));
    expect(fixed.filter(({ verified }) => !verified)).toEqual([]);
    const { files } = await expectAllFixed();
    expect(fixed.map(({ path }) => path).filter((path) => !files.includes(path))).toEqual([]);
    expect(new Set(fixed.map(({ path }) => path)).size).toBe(fixed.length);
    for (const name of ["initdb", "pg_ctl", "postgres"])
      expect(fixed.map(({ path }) => basename(path))).toContain(name);
  });
});
