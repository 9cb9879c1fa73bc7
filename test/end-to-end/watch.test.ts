// Programs that are unpacked into a watched directory, as an installer would do it.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { scratchDirectory } from "../support/scratch.js";
import { inEachRoot } from "../world/in-each-root.js";
import { folder, type LoaderState, openWorld, type World } from "../world/world.js";
import type { FixDocument } from "./contract.js";
import { expectHealthy, expectStartByNixLdOnly } from "./life.js";

interface WatchRecord {
  path: string;
  outcome: "fixed" | "refused" | "failed";
  verified: boolean;
}

const inbox = "/home/user/inbox";

/** What is unpacked there, by its place inside: the same in each root, so it is packed once. */
const archives = "/home/user/archives";
const packed = scratchDirectory();
beforeAll(async () => {
  if (folder === "") return;
  const pack = (archive: string, program: string, ...options: string[]) =>
    execa("tar", [
      ...options,
      "-C",
      join(folder, "programs"),
      "-f",
      join(packed, archive),
      program,
    ]);
  for (const name of ["biome", "cpython", "node"]) await pack(`${name}.tar`, name, "-c");
  // Links keep their targets.
  await pack("tree.tar", "postgres", "-c", "--transform", "s,^postgres,tree/one,S");
  await pack("tree.tar", "postgres", "-r", "--transform", "s,^postgres,tree/two,S");
});

/** In milliseconds: when a watch is killed after it has begun; each root has its own, to cover many. */
const pauses: Record<LoaderState, number[]> = {
  absent: [30, 400, 1300],
  stub: [120, 600],
  "nix-ld": [250, 900],
  "fixelf-ld": [60, 700],
};

/** Starts a watch and waits until it is watching; `$watch` is its process. */
const startWatch = `
  fixelf watch ${inbox} --json >>/home/user/told 2>/home/user/said & watch=$!
  until grep -q watching /home/user/said; do usleep 20000; done`;
/** Waits until a shell condition holds. */
const until = (condition: string) => `
  turn=0
  until ${condition}; do
    turn=$((turn + 1)); [ $turn -lt 6000 ] || { echo "never: ${condition.replaceAll(/["$]/g, "")}" >&2; exit 1; }
    usleep 100000
  done`;
/** Whether a program starts by itself: a stand-in in the loader's place would have no loader. */
const starts = (program: string) => `NIX_LD=/absent ${program} --version >/dev/null 2>&1`;
const endWatch = "kill $watch; wait $watch";
const options = { bind: { [archives]: packed } };
/** Puts a last program into the inbox and waits until it is reported: all before it have been examined. */
const last = (name: string) => `
  mkdir ${name} && tar -C ${name} -xf ${archives}/cpython.tar cpython/usr/bin/python3.11
  ${until(`grep -q ${name}/cpython /home/user/told`)}`;

inEachRoot("watch", (loader) => {
  let world: World;

  const told = (): WatchRecord[] =>
    readFileSync(world.host("/home/user/told"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  /** Leftover files that do not belong to a user's program. */
  const ours = () =>
    readdirSync(world.host(inbox), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.includes(".fixelf-"),
    );
  /**
   * Nothing is left to do: everything is fixed, which the loader confirms, and kept from
   * collection.
   */
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
    await world.shell(`mkdir ${inbox}`);
  });
  afterAll(() => world?.dispose());

  it("fixes npm's programs as they are unpacked, and they run", async () => {
    await world.shell(`tar -C /home/user -xf ${archives}/biome.tar`, options);
    await expectStartByNixLdOnly(world, "/home/user/biome/biome");
    await world.shell(
      `${startWatch}
      cd ${inbox}
      tar -xf ${archives}/biome.tar
      tar -xf ${archives}/node.tar
      ${until(`${starts("biome/biome")} && ${starts("node/bin/node")}`)}
      ${until("[ $(wc -l </home/user/told) -ge 2 ]")}
      ${endWatch}`,
      options,
    );
    expect(told().map(({ path, outcome, verified }) => [path, outcome, verified])).toEqual([
      [`${inbox}/biome/biome`, "fixed", true],
      [`${inbox}/node/bin/node`, "fixed", true],
    ]);
    for (const program of ["biome/biome", "node/bin/node"])
      await expectHealthy(world, `${inbox}/${program}`);
    expect(await world.check([`${inbox}/node/bin/node`, "-p", "6 * 7"])).toBe("42");
    // What they refer to survives a collection.
    await world.shell("nix-store --gc >/dev/null 2>&1");
    expect(await world.check([`${inbox}/node/bin/node`, "-p", "6 * 7"])).toBe("42");
  });

  it("loses nothing when killed with kill -9", async () => {
    await world.shell(
      `cd ${inbox}
      for pause in ${pauses[loader].join(" ")}; do
        ${startWatch}
        mkdir app-$pause
        tar -C app-$pause -xf ${archives}/cpython.tar & unpacking=$!
        tar -C app-$pause -xf ${archives}/tree.tar tree/one/native
        usleep $((pause * 1000))
        kill -9 $watch
        wait $watch || true
        wait $unpacking
      done
      ${startWatch}
      for pause in ${pauses[loader].join(" ")}; do
        ${until(starts("app-$pause/cpython/usr/bin/python3.11"))}
        ${until(starts("app-$pause/tree/one/native/bin/postgres"))}
      done
      ${last("last")}
      ${endWatch}`,
      options,
    );
    const { files } = await expectAllFixed();
    for (const pause of pauses[loader])
      expect(files).toContain(`${inbox}/app-${pause}/cpython/usr/bin/python3.11`);
    await world.shell("nix-store --gc >/dev/null 2>&1");
    await expectAllFixed();
  });

  it("fixes a tree of 2,000 files, each once", async () => {
    await world.shell(
      `: >/home/user/told
      ${startWatch}
      cd ${inbox}
      tar -xf ${archives}/tree.tar
      ${until(starts("tree/two/native/bin/postgres"))}
      ${until(starts("tree/one/native/bin/postgres"))}
      ${last("end")}
      ${endWatch}`,
      options,
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
