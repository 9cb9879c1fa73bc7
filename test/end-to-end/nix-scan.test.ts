// nix/scan.nix with two builders: two machines, each with a store of its own.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ScanRow } from "../../lib/scan/batch.js";
import { needs } from "../support/needs.js";
import { openWorld, type World } from "../world/world.js";

const checkout = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A machine is a store of its own, in a mount namespace in which it is /nix. It starts out with
 * what a machine needs to run at all: the system's closure. Nix talks to it as to any builder, by
 * starting `nix-daemon --stdio` over ssh; that ssh is a stand-in, which enters the namespace.
 */
const makeBuilders = `
  mkdir /tmp/copy /tmp/bin
  for machine in east west; do
    nix --extra-experimental-features nix-command copy --quiet --no-check-sigs \
      --to "local?root=/tmp/$machine" "$(readlink /run/current-system)"
  done
  cat >/tmp/bin/ssh <<'SSH'
#!/bin/sh
machine=$1
for command; do :; done
exec unshare --mount sh -c 'mount --bind "/tmp/$1/nix" /nix && eval "$2"' sh "$machine" "$command"
SSH
  chmod +x /tmp/bin/ssh
`;

/** No job may run on this machine itself. All other settings are nix.conf's. */
const build = (outLink: string, ...options: string[]) => `
  PATH=/tmp/bin:$PATH nix-build ${checkout}nix/scan.nix --arg paths /tmp/paths \\
    --arg command '[ "/harness-bin/node" "${checkout}dist/cli/main.cjs" ]' \\
    --out-link ${outLink} ${options.join(" ")} --max-jobs 0 \\
    --builders 'ssh-ng://east x86_64-linux - 1 1 ; ssh-ng://west x86_64-linux - 1 1' \\
    2>/tmp/said >/tmp/built || { cat /tmp/said >&2; exit 1; }
`;

describe("a scan on Nix's builders", needs("test world"), () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.dispose());

  const absent = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-elsewhere-1";
  const lines = (text: string) => text.split("\n").filter((line) => line !== "");

  /** Which builder was given which derivation, as reported by Nix. */
  const assigned = (said: string): Map<string, string> =>
    new Map(
      [...said.matchAll(/^building '.*?-(scan-.*)\.drv' on 'ssh-ng:\/\/(\w+)'/gm)].map(
        ([, name, machine]) => [name as string, machine as string],
      ),
    );

  /**
   * A first scan, of a list with one path that does not exist; a second with one more store path, which is returned;
   * and a third with nothing new.
   */
  const scanThrice = () =>
    world.shell(
      `${makeBuilders}
       nix-store --query --requisites /run/current-system/sw >/tmp/paths
       echo ${absent} >>/tmp/paths
       ${build("/tmp/result")}
       cp /tmp/said /tmp/said-first
       cp -rL /tmp/result /tmp/copy/first
       mkdir /tmp/own && cp /run/current-system/sw/bin/bash /tmp/own
       nix-store --add /tmp/own >>/tmp/paths
       ${build("/tmp/result")}
       cp /tmp/said /tmp/said-second
       cp -rL /tmp/result /tmp/copy/second
       ${build("/tmp/result")}
       cp /tmp/said /tmp/said-third
       ${build("/tmp/each", "-A scans")}

       for machine in east west; do
         nix --extra-experimental-features nix-command path-info --json --all \
           --store "local?root=/tmp/$machine" >/tmp/copy/$machine.json
       done
       tail -n 1 /tmp/paths`,
    );

  it("is spread over the builders, kept, and complete", async () => {
    const added = await scanThrice();
    const said = async (which: string) => world.shell(`cat /tmp/said-${which}`);
    const paths = lines(await world.shell("cat /tmp/paths"));
    expect(paths.at(-1)).toBe(added);

    // Each chunk was given to a builder, and both builders had something to do.
    const first = assigned(await said("first"));
    expect(first.size).toBeGreaterThan(10);
    expect(new Set(first.values())).toEqual(new Set(["east", "west"]));

    // The builders' own databases agree: only what was built there is "ultimate".
    const second = assigned(await said("second"));
    const built = ["east", "west"].flatMap((machine) => {
      const file = world.host(`/tmp/copy/${machine}.json`);
      const infos = JSON.parse(readFileSync(file, "utf8")) as {
        path: string;
        ultimate?: boolean;
      }[];
      return infos
        .filter(({ path, ultimate }) => ultimate && path.includes("-scan-"))
        .map(({ path }) => [path.slice("/nix/store/".length + 33), machine]);
    });
    expect(built.sort()).toEqual([...first, ...second].sort());

    // Only what was new was built, and then nothing.
    expect(second.size).toBe(1);
    expect(assigned(await said("third")).size).toBe(0);
    expect(await said("third")).not.toContain("will be built");

    // Together they are what one scan finds, and what it does not.
    const there = paths.filter((path) => path !== absent);
    const wanted = await world.check(["fixelf", "scan", ...there, "--format", "ndjson"]);
    const rows = lines(wanted).map((line) => JSON.parse(line) as ScanRow);
    expect(rows.length).toBeGreaterThan(50);
    const fields = rows.map((row) => [
      row.path,
      row.storePath,
      row.soname,
      row.needed,
      row.runpath,
      row.notes.buildId,
      null,
    ]);
    fields.push([absent, absent, null, null, null, null, "not-found"]);
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    const found = await connection.runAndReadAll(
      `SELECT path, storePath, soname, needed, runpath, buildId, error
         FROM '${world.host("/tmp/copy/second")}/*.parquet' ORDER BY path`,
    );
    connection.closeSync();
    const byPath = ([a]: unknown[], [b]: unknown[]) => ((a as string) < (b as string) ? -1 : 1);
    expect(found.getRowsJson()).toEqual(fields.sort(byPath));
    const each = lines(await world.shell("ls -d /tmp/each*"));
    expect(each.length).toBe(first.size + (first.has([...second.keys()][0] as string) ? 0 : 1));
  });

  it("fails if a chunk fails, and still gives the others", async () => {
    const failing = "/tmp/failing";
    const arguments_ = `--arg paths /tmp/paths --arg command '[ "${failing}" ]'`;
    writeFileSync(
      world.host(failing),
      `#!/bin/sh
       grep -q -f /tmp/victim "$3" || exec /harness-bin/node ${checkout}dist/cli/main.cjs "$@"
       /harness-bin/node ${checkout}dist/cli/main.cjs "$@" # and then ends, with its file half written
       for file in "$out"/*.parquet; do dd if=/dev/null of="$file" bs=1 seek=200 2>/dev/null; done
       exit 3`,
      { mode: 0o755 },
    );
    const answer = await world.shell(
      `nix-store --query --requisites /run/current-system/sw >/tmp/paths
       grep glibc /tmp/paths | head -n 1 >/tmp/victim
       scan() { nix-build ${checkout}nix/scan.nix ${arguments_} --builders '' --option sandbox false "$@" 2>>/tmp/said; }
       # What a failed builder has left is no valid store path.
       results() {
         for file in /nix/store/*-scan-*/*.parquet; do
           nix-store --check-validity "\${file%/*}" 2>/dev/null && echo "$file"
         done | wc -l
       }
       before=$(results)
       ! scan --out-link /tmp/whole && test ! -e /tmp/whole
       ! scan --keep-going -A scans --out-link /tmp/parts
       # Links are made of what succeeded only where all did: the results are in the store.
       echo $(($(results) - before))
       nix-instantiate --eval --expr \
         "builtins.length (import ${checkout}nix/scan.nix { paths = /tmp/paths; command = [ "${failing}" ]; }).scans"`,
    );
    const [built, chunks] = lines(answer).slice(-2).map(Number);
    expect(chunks).toBeGreaterThan(10);
    expect(built).toBe((chunks as number) - 1);
    expect(await world.shell("cat /tmp/said")).toContain("failed with exit code 3");
  });
});
