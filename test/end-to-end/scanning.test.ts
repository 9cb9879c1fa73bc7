// A real store, scanned in parts: their union is the whole, and docs/scanning.md does what it says.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { type DuckDBConnection, DuckDBInstance, type Json } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { ScanRow } from "../../lib/scan/batch.js";
import { compile, compileWith } from "../support/compile.js";
import { needs } from "../support/needs.js";
import { commandLine, fixelf as start } from "../support/process.js";
import { scratchDirectory } from "../support/scratch.js";
import { folder as root } from "../world/world.js";

const docs = readFileSync(new URL("../../docs/scanning.md", import.meta.url), "utf8");

/** The docs' code blocks in one language. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms");
  return [...docs.matchAll(fence)].map(([, text]) => text as string);
}

interface Unreadable {
  path: string;
  error: string;
}

describe(
  "a store scanned in parts",
  needs("test world", "gcc", "objcopy", "i686-linux-gnu-gcc"),
  () => {
    const directory = scratchDirectory();
    const shards = 5;
    let rows: ScanRow[];
    let connection: DuckDBConnection;

    // Instead of the clock, so that the same rows are the same bytes.
    const env = { SOURCE_DATE_EPOCH: "1" };
    const fixelf = (...words: string[]) => {
      const { stdout, stderr, code } = start(words, { env });
      if (code !== 0) throw new Error(stderr);
      return stdout;
    };
    const scanTo = (output: string, ...args: string[]) => {
      const file = join(directory, output);
      fixelf("scan", "--root", root, "--format", "parquet", "--output", file, ...args);
      return file;
    };
    const rowsOf = (ndjson: string) =>
      ndjson
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as ScanRow);
    const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
    const query = async (text: string): Promise<Json[][]> =>
      (await connection.runAndReadAll(text)).getRowsJson();
    const pathsIn = async (files: string) =>
      (await query(`SELECT path FROM read_parquet('${files}') ORDER BY path`)).map(
        ([path]) => path,
      );

    beforeAll(async () => {
      rows = rowsOf(fixelf("scan", "--root", root, "--format", "ndjson"));
      mkdirSync(join(directory, "results"));
      for (let shard = 1; shard <= shards; ++shard)
        scanTo(`results/${shard}.parquet`, "--shard", `${shard}/${shards}`);
      connection = await (await DuckDBInstance.create(":memory:")).connect();
    });
    afterAll(() => {
      connection?.closeSync();
    });

    it("is large enough to be divided", () => {
      expect(rows.length).toBeGreaterThan(500);
      expect(readdirSync(join(directory, "results")).length).toBe(shards);
    });

    it("has every file in exactly one shard, and none is missing", async () => {
      const wanted = rows.map(({ path }) => path).sort();
      expect(await pathsIn(`${directory}/results/*.parquet`)).toEqual(wanted);
      expect(await pathsIn(scanTo("whole.parquet"))).toEqual(wanted);
    });

    it("keeps a store path together, and uses every shard", async () => {
      const spread = await query(
        `SELECT storePath, count(DISTINCT filename) FROM
       read_parquet('${directory}/results/*.parquet', filename = true) GROUP BY storePath`,
      );
      expect(new Set(spread.map(([, files]) => Number(files)))).toEqual(new Set([1]));
      const used = await query(
        `SELECT count(DISTINCT filename) FROM
       read_parquet('${directory}/results/*.parquet', filename = true)`,
      );
      expect(Number(used[0]?.[0])).toBe(shards);
    });

    it("has the same fields in both formats", async () => {
      const union = `read_parquet('${directory}/results/*.parquet')`;
      const found = await query(
        `SELECT path, size::DOUBLE, machine, interpreter, soname, needed, runpath, versionsNeeded,
         versionsDefined, buildId, executableStack, relro FROM ${union} ORDER BY path`,
      );
      const wanted = [...rows]
        .sort((a, b) => (a.path < b.path ? -1 : 1))
        .map((row) => [
          row.path,
          row.size,
          row.machine,
          row.interpreter,
          row.soname,
          row.needed,
          row.runpath,
          row.versionsNeeded,
          row.versionsDefined,
          row.notes.buildId,
          row.executableStack,
          row.relro,
        ]);
      expect(found).toEqual(wanted);
    });

    it("gives the same bytes each time, with any number of threads", () => {
      const shard = ["--shard", `2/${shards}`];
      const first = digest(join(directory, "results/2.parquet"));
      expect(digest(scanTo("again.parquet", ...shard))).toBe(first);
      expect(digest(scanTo("one.parquet", ...shard, "--jobs", "1"))).toBe(first);
      expect(digest(scanTo("seven.parquet", ...shard, "--jobs", "7"))).toBe(first);
      expect(digest(join(directory, "results/1.parquet"))).not.toBe(first);
    });

    it("may have empty shards, which can be read like any other", async () => {
      const storePaths = new Set(rows.map(({ storePath }) => storePath));
      const many = storePaths.size * 20;
      const sizes = Array.from({ length: 3 }, (_, index) => {
        const file = scanTo(`empty-${index}.parquet`, "--shard", `${index + 1}/${many}`);
        return query(`SELECT count(*) FROM '${file}'`);
      });
      expect((await Promise.all(sizes)).map(([row]) => Number(row?.[0]))).toContain(0);
    });

    describe("as a Kubernetes Job", () => {
      const [manifest] = blocks("yaml");
      const job = parse(manifest ?? "");

      it("is a Job with an index for each shard", () => {
        expect(job).toMatchObject({ apiVersion: "batch/v1", kind: "Job" });
        const { completionMode, completions, template } = job.spec;
        expect(completionMode).toBe("Indexed");
        const [container] = template.spec.containers;
        expect(container.command.at(-1)).toContain(`/${completions}"`);
        const volumes = template.spec.volumes.map(({ name }: { name: string }) => name);
        const mounts: { name: string; mountPath: string }[] = container.volumeMounts;
        expect(mounts.map(({ name }) => name)).toEqual(volumes);
        expect(mounts.map(({ mountPath }) => mountPath)).toEqual(["/nix/store", "/results"]);
      });

      it("scans all of the store with the command that its pods run", async () => {
        // The pods' /nix/store, /results and fixelf are elsewhere here.
        const results = join(directory, "job");
        const bin = join(directory, "bin");
        mkdirSync(results);
        mkdirSync(bin);
        writeFileSync(join(bin, "fixelf"), `#!/bin/sh\nexec ${commandLine.join(" ")} "$@"\n`, {
          mode: 0o755,
        });
        const [container] = job.spec.template.spec.containers;
        const [program, ...args] = container.command.map((word: string) =>
          word.replaceAll("/nix/store", join(root, "nix/store")).replaceAll("/results", results),
        );
        // As a pod has it: the first process in its own namespace, with nothing writable but the volume.
        const pod = (index: number, ...before: string[]) =>
          spawn(
            "unshare",
            ["--mount", "--pid", "--fork", "--kill-child", "sh", "-ec"].concat(
              `mount --bind "$1" "$1"; mount -o remount,bind,ro /; shift; exec "$@"`,
              ["sh", results, ...before, program, ...args],
            ),
            {
              env: { PATH: `${bin}:/usr/bin:/bin`, JOB_COMPLETION_INDEX: String(index) },
              stdio: "ignore",
            },
          );
        const ended = async (child: ChildProcess) =>
          (await once(child, "exit"))[0] as number | null;
        // One is killed as soon as it writes, though it may be done by then.
        const parts = () => readdirSync(results).filter((name) => name.endsWith(".part"));
        for (let tries = 0; parts().length === 0 && tries < 50; ++tries) {
          const killed = pod(0);
          const watcher = watch(results, () => killed.kill("SIGKILL"));
          await ended(killed);
          watcher.close();
        }
        expect(parts()).toHaveLength(1);
        // Two pods with one index, as after the loss of a node.
        const twins = [pod(0), pod(0)];
        expect(await Promise.all(twins.map(ended))).toEqual([0, 0]);
        for (let index = 1; index < job.spec.completions; ++index)
          expect(await ended(pod(index))).toBe(0);
        const wanted = rows.map(({ path }) => root + path).sort();
        expect(await pathsIn(`${results}/*.parquet`)).toEqual(wanted);
        expect(fixelf("scan", "--check", results)).toMatch(/^whole: 8 parts/);
        rmSync(join(results, "4.parquet"));
        const check = start(["scan", "--check", results]);
        expect([check.code, check.stdout]).toEqual([
          1,
          "not whole: 7 parts, 1 problem\n  shard 5 of 8 is missing\n",
        ]);
      });
    });

    describe.each([
      ["Parquet", 0],
      ["Parquet and NDJSON", 1],
    ])("queries of %s", (_, index) => {
      const sql = blocks("sql");
      const named = new Map(
        sql.flatMap((text) => {
          const name = /^-- (\S+)\n/.exec(text)?.[1];
          return name === undefined ? [] : [[name, text] as const];
        }),
      );
      const ask = (name: string) => query(named.get(name) ?? `no query ${name} in the docs`);
      let unreadable: Unreadable[] = [];
      /**
       * What a store may have besides this machine's programs: i386, static programs, debugging information, damage.
       */
      const layOutMixture = (): string => {
        const at = (name: string) => join(directory, "mixture", name);
        const library = ["-shared", "-fPIC", "-nostdlib", "-Wl,--build-id"];
        const named = [...library, "-Wl,-soname,libmixed.so.1"];
        compile(at("lib/libmixed.so.1"), "int f(void) { return 1; }", ...named);
        compileWith(
          "i686-linux-gnu-gcc",
          at("libmixed-1.so"),
          "int f(void) { return 1; }",
          ...named,
        );
        const user = [...library, "-Wl,-soname,libuser.so.1", at("libmixed-1.so")];
        compileWith(
          "i686-linux-gnu-gcc",
          at("libuser.so.1"),
          "int f(); int g() { return f(); }",
          ...user,
        );
        rmSync(at("libmixed-1.so"));
        compile(at("static"), "int main(void) { return 0; }", "-static", "-no-pie");
        compile(at("copy.so"), "int twice(void) { return 2; }", ...library);
        copyFileSync(at("copy.so"), at("copy-2.so"));
        compile(at("single.so"), "int once(void) { return 1; }", ...library, "-g");
        execFileSync("objcopy", ["--only-keep-debug", at("single.so"), at("single.debug")]);
        writeFileSync(at("torn"), readFileSync(at("static")).subarray(0, 100));
        return at("");
      };
      /** Rows with numbers as numbers: in DuckDB's JSON, 64-bit ones are strings. */
      const asked = async (name: string) =>
        (await ask(name)).map((row) =>
          row.map((value) =>
            typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value,
          ),
        );
      const count = <T>(items: Iterable<T>): Map<T, number> => {
        const counts = new Map<T, number>();
        for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
        return counts;
      };
      /** The highest count first, then by name, as in the queries. */
      const ranked = (counts: Map<string | null, number>) =>
        [...counts].sort((a, b) => b[1] - a[1] || byName(a[0], b[0]));

      const results = join(directory, `results-${index}`);
      let stored: ScanRow[];

      beforeAll(async () => {
        stored = rows;
        // The foreign programs lack what everything in the store has.
        const mixed = ["scan", join(root, "programs"), layOutMixture(), "--format"];
        const all = rowsOf(fixelf(...mixed, "ndjson"));
        unreadable = all.filter((row) => "error" in row) as unknown as Unreadable[];
        rows = rows.concat(all.filter((row) => !("error" in row)));
        cpSync(join(directory, "results"), results, { recursive: true });
        if (index === 0) {
          fixelf(...mixed, "parquet", "--output", join(results, "mixed.parquet"));
        } else {
          fixelf(...mixed, "ndjson", "--output", join(results, "mixed.ndjson"));
          rmSync(join(results, "2.parquet"));
          const shard = ["scan", "--root", root, "--shard", `2/${shards}`, "--format", "ndjson"];
          fixelf(...shard, "--output", join(results, "2.ndjson"));
        }
        const view = sql.filter((text) => text.startsWith("CREATE VIEW"))[index] ?? "";
        await connection.run(view.replaceAll("'results/", `'${results}/`));
      });
      afterAll(async () => {
        rows = stored;
        await connection.run("DROP VIEW scan");
      });

      it("are seven, each with a name", () => {
        expect([...named.keys()]).toEqual([
          "unreadable",
          "needs",
          "unprovided",
          "glibc",
          "hardening",
          "search-paths",
          "duplicates",
        ]);
        expect(sql.length).toBe(9);
      });

      it("list what could not be read", async () => {
        expect(unreadable.map(({ path, error }) => [basename(path), error])).toEqual([
          ["torn", "truncated"],
        ]);
        expect(await asked("unreadable")).toEqual([["truncated", 1, unreadable[0]?.path]]);
      });

      it("list what needs a library", async () => {
        const users = rows.filter(({ needed }) => needed.includes("libcrypto.so.3"));
        expect(users.length).toBeGreaterThan(0);
        expect(await asked("needs")).toEqual(
          ranked(count(users.map(({ storePath }) => storePath))),
        );
      });

      it("list what nothing provides", async () => {
        const loadable = rows.filter(({ type }) => type !== "debug-information");
        const kindOf = (name: string, { machine, class: width }: ScanRow) =>
          JSON.stringify([name, machine, width]);
        const provided = new Set(
          loadable.flatMap((row) => {
            const names = [basename(row.path), ...(row.soname === null ? [] : [row.soname])];
            return names.map((name) => kindOf(name, row));
          }),
        );
        const wanted = loadable
          .flatMap((row) =>
            row.needed.filter((name) => !name.includes("/")).map((name) => kindOf(name, row)),
          )
          .filter((kind) => !provided.has(kind));
        const expected = [...count(wanted)]
          .map(([kind, files]) => [...JSON.parse(kind), files] as [string, string, string, number])
          .sort((a, b) => b[3] - a[3] || (a.slice(0, 3).join() < b.slice(0, 3).join() ? -1 : 1));
        expect(await asked("unprovided")).toEqual(expected);
        // An x86-64 library of that name does not help the i386 program.
        expect(expected).toContainEqual(["libmixed.so.1", "i386", "ELF32", 1]);
      });

      it("list the lowest glibc that is required", async () => {
        const least = new Map<string | null, number[]>();
        for (const { storePath, versionsNeeded } of rows) {
          for (const { name } of versionsNeeded.flatMap(({ versions }) => versions)) {
            const version = /^GLIBC_([\d.]+)$/.exec(name)?.[1]?.split(".").map(Number);
            if (version === undefined) continue;
            const before = least.get(storePath);
            if (before === undefined || compare(version, before) > 0) least.set(storePath, version);
          }
        }
        const sorted = [...least].sort((a, b) => compare(b[1], a[1]) || byName(a[0], b[0]));
        expect(await ask("glibc")).toEqual(sorted);
      });

      it("list what is not hardened", async () => {
        const loaded = ["executable", "pie", "shared-library", "static", "static-pie"];
        const soft = rows
          .filter(({ type }) => loaded.includes(type))
          .map((row) => [
            row.path,
            row.executableStack ?? true,
            row.relro === "none",
            row.type === "executable" || row.type === "static",
          ])
          .filter(([, ...lacks]) => lacks.includes(true))
          .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
        expect(soft.map(([path]) => basename(path as string))).toContain("static");
        expect(await ask("hardening")).toEqual(soft);
      });

      it("list the store paths named in search paths", async () => {
        const targets = rows.flatMap(({ storePath, runpath, rpath }) => {
          const entries = (runpath ?? rpath ?? "").split(":");
          const others = entries.flatMap((entry) => /^\/nix\/store\/[^/]+/.exec(entry)?.[0] ?? []);
          return [...new Set(others.filter((target) => target !== storePath))];
        });
        expect(targets.length).toBeGreaterThan(0);
        expect(await asked("search-paths")).toEqual(ranked(count(targets)));
      });

      it("list what exists several times", async () => {
        const groups = new Map<string, ScanRow[]>();
        for (const row of rows) {
          if (row.notes.buildId === null || row.type === "debug-information") continue;
          groups.set(row.notes.buildId, [...(groups.get(row.notes.buildId) ?? []), row]);
        }
        const copies = [...groups]
          .filter(([, same]) => same.length > 1)
          .map(([buildId, same]): [string, number, number, string] => {
            const sizes = same.map(({ size }) => size);
            const bytes = sizes.reduce((sum, size) => sum + size, 0) - Math.max(...sizes);
            return [buildId, same.length, bytes, same.map(({ path }) => path).sort()[0] as string];
          })
          .sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1));
        const examples = copies.map(([, , , example]) => basename(example));
        expect(examples).toContain("copy-2.so");
        expect(examples).not.toContain("single.so");
        expect(
          (await ask("duplicates")).map(([buildId, copies, bytes, example]) => [
            buildId,
            Number(copies),
            Number(bytes),
            example,
          ]),
        ).toEqual(copies);
      });
    });
  },
);

/** Compared as numbers, the first difference decides; otherwise the longer one is later. */
function compare(one: number[], other: number[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); ++at) {
    const difference = (one[at] ?? -1) - (other[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What is in no store path has no name, and comes last. */
function byName(one: string | null, other: string | null): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
  return one < other ? -1 : 1;
}
