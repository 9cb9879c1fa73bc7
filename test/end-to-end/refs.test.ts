// Nix is the judge: what refs calls references is what Nix found when it built or registered the
// paths.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";

interface RefsDocument {
  schema: string;
  paths: { path: string; storePaths: { storePath: string; reference: boolean }[] }[];
}

describe("refs", needs("test world"), () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.dispose());

  /** Each valid store path with what `nix-store --query --references` prints for it, sorted. */
  async function referencesByNix(): Promise<Map<string, string[]>> {
    const output = await world.shell(
      `for path in $(nix --extra-experimental-features nix-command path-info --all); do
         echo "of $path"
         nix-store --query --references "$path"
       done`,
    );
    const byPath = new Map<string, string[]>();
    let references: string[] = [];
    for (const line of output.split("\n")) {
      if (line.startsWith("of ")) {
        references = [];
        byPath.set(line.slice(3), references);
      } else references.push(line);
    }
    for (const list of byPath.values()) list.sort();
    return byPath;
  }

  async function referencesByFixelf(paths: string[]): Promise<Map<string, string[]>> {
    const { document, exitCode } = await world.fixelfJson<RefsDocument>(["refs", ...paths]);
    expect(exitCode).toBe(0);
    expect(document.schema).toBe("fixelf.refs/1");
    return new Map(
      document.paths.map(({ path, storePaths }) => [
        path,
        storePaths.filter(({ reference }) => reference).map(({ storePath }) => storePath),
      ]),
    );
  }

  it("finds the references of every valid store path, as Nix does", async () => {
    const judged = await referencesByNix();
    expect(judged.size).toBeGreaterThan(35);
    // Some refer to themselves, and some to several others.
    expect([...judged].some(([path, references]) => references.includes(path))).toBe(true);
    expect([...judged.values()].some((references) => references.length > 5)).toBe(true);
    expect(await referencesByFixelf([...judged.keys()])).toEqual(judged);
  });

  it("finds the references of what is built and instantiated now", async () => {
    // A name, a link's target, a script, a hash alone, and one that is broken by a line's end.
    const glibc = world.store["glibc-trixie"] as string;
    const bash = world.store["bash-trixie"] as string;
    const zlib = world.store["zlib-trixie"] as string;
    const musl = world.store.musl as string;
    const zstd = world.store["zstd-trixie"] as string;
    const hash = (path: string) => path.slice("/nix/store/".length).slice(0, 32);
    const expression = `derivation {
      name = "mentions";
      system = builtins.currentSystem;
      # Debian's nix looks for the program that talks to builders where this root has nothing.
      preferLocalBuild = true;
      builder = "/bin/sh";
      PATH = "/run/current-system/sw/bin:/harness-bin";
      # What may be found: Nix looks only for what the build could have used.
      inputs = map builtins.storePath [ "${glibc}" "${bash}" "${zlib}" "${musl}" "${zstd}" ];
      args = [ "-euc" ''
        mkdir -p $out/deep
        echo x > $out/deep/${hash(glibc)}.txt
        ln -s ${bash}/bin/bash $out/link
        printf 'padding%s' ${hash(zlib)}e > $out/hash
        printf 'X/nix/store/%s\\n%s-musl-1' ${hash(musl).slice(0, 9)} ${hash(musl).slice(9)} > $out/wrapped
        echo $out > $out/self
      '' ];
    }`;
    const output = await world.shell(
      `drv=$(nix-instantiate --expr "$EXPRESSION") && echo $drv && nix-store --realise $drv`,
      { environment: { EXPRESSION: expression } },
    );
    const [derivation, built] = output.split("\n") as [string, string];
    const judged = await referencesByNix();
    expect(judged.get(built)).toEqual([bash, glibc, zlib, built].sort());
    const found = await referencesByFixelf([derivation, built]);
    expect(found.get(built)).toEqual(judged.get(built));
    expect(found.get(derivation)).toEqual(judged.get(derivation));
  });
});
