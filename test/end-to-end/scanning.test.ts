// A real store, scanned in parts: their union is the whole, and docs/scanning.md does what it says.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DuckDBConnection, DuckDBInstance, type Json } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { ScanRow } from "../../lib/scan/batch.js";
import { needs } from "../support/needs.js";
import { folder as root } from "../world/world.js";

const commandLine = fileURLToPath(new URL("../../dist/cli/main.cjs", import.meta.url));
const docs = readFileSync(new URL("../../docs/scanning.md", import.meta.url), "utf8");

/** What stands in the docs' blocks of one language. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms");
  return [...docs.matchAll(fence)].map(([, text]) => text as string);
}

describe("a store scanned in parts", needs("test world"), () => {
  const directory = mkdtempSync(join(tmpdir(), "fixelf-scanning-"));
  const shards = 5;
  let rows: ScanRow[];
  let connection: DuckDBConnection;

  const fixelf = (...args: string[]) =>
    execFileSync(process.execPath, [commandLine, ...args], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
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
    (await query(`SELECT path FROM read_parquet('${files}') ORDER BY path`)).map(([path]) => path);

  beforeAll(async () => {
    rows = rowsOf(fixelf("scan", "--root", root, "--format", "ndjson"));
    mkdirSync(join(directory, "results"));
    for (let shard = 1; shard <= shards; ++shard)
      scanTo(`results/${shard}.parquet`, "--shard", `${shard}/${shards}`);
    connection = await (await DuckDBInstance.create(":memory:")).connect();
  });
  afterAll(() => {
    connection?.closeSync();
    rmSync(directory, { recursive: true });
  });

  it("has something to divide", () => {
    expect(rows.length).toBeGreaterThan(500);
    expect(readdirSync(join(directory, "results")).length).toBe(shards);
  });

  it("has every file in just one shard, and none is missing", async () => {
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

  it("gives the same bytes whenever it is asked, with however many threads", () => {
    const shard = ["--shard", `2/${shards}`];
    const first = digest(join(directory, "results/2.parquet"));
    expect(digest(scanTo("again.parquet", ...shard))).toBe(first);
    expect(digest(scanTo("one.parquet", ...shard, "--jobs", "1"))).toBe(first);
    expect(digest(scanTo("seven.parquet", ...shard, "--jobs", "7"))).toBe(first);
    expect(digest(join(directory, "results/1.parquet"))).not.toBe(first);
  });

  it("has empty shards that can be read like any other", async () => {
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
      symlinkSync(process.execPath, join(bin, "node"));
      writeFileSync(join(bin, "fixelf"), `#!/bin/sh\nexec node '${commandLine}' "$@"\n`, {
        mode: 0o755,
      });
      const [container] = job.spec.template.spec.containers;
      const [program, ...args] = container.command.map((word: string) =>
        word.replaceAll("/nix/store", join(root, "nix/store")).replaceAll("/results", results),
      );
      for (let index = 0; index < job.spec.completions; ++index) {
        execFileSync(program, args, {
          env: { PATH: `${bin}:/usr/bin:/bin`, JOB_COMPLETION_INDEX: String(index) },
        });
      }
      const wanted = rows.map(({ path }) => root + path).sort();
      expect(await pathsIn(`${results}/*.parquet`)).toEqual(wanted);
    });
  });

  describe("queries", () => {
    const sql = blocks("sql");
    const named = new Map(
      sql.flatMap((text) => {
        const name = /^-- (\S+)\n/.exec(text)?.[1];
        return name === undefined ? [] : [[name, text] as const];
      }),
    );
    const ask = (name: string) => query(named.get(name) ?? `no query ${name} in the docs`);
    /** Rows with numbers as numbers: DuckDB's JSON has 64-bit ones as text. */
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
    /** The most first, then by name, as the queries have it. */
    const ranked = (counts: Map<string | null, number>) =>
      [...counts].sort((a, b) => b[1] - a[1] || byName(a[0], b[0]));

    beforeAll(async () => {
      // The foreign programs lack what everything in the store has.
      const programs = ["scan", join(root, "programs"), "--format"];
      rows = rows.concat(rowsOf(fixelf(...programs, "ndjson")));
      fixelf(...programs, "parquet", "--output", join(directory, "results/programs.parquet"));
      const [view] = sql.filter((text) => text.startsWith("CREATE VIEW"));
      await connection.run((view ?? "").replace("'results/", `'${directory}/results/`));
    });

    it("are six, each with a name", () => {
      expect([...named.keys()]).toEqual([
        "needs",
        "unprovided",
        "glibc",
        "hardening",
        "search-paths",
        "duplicates",
      ]);
      expect(sql.length).toBe(7);
    });

    it("tell who needs a library", async () => {
      const users = rows.filter(({ needed }) => needed.includes("libcrypto.so.3"));
      expect(users.length).toBeGreaterThan(0);
      expect(await asked("needs")).toEqual(ranked(count(users.map(({ storePath }) => storePath))));
    });

    it("tell what nothing provides", async () => {
      const provided = new Set(
        rows.flatMap(({ path, soname }) => [basename(path), ...(soname === null ? [] : [soname])]),
      );
      const wanted = rows
        .flatMap(({ needed }) => needed)
        .filter((name) => !name.includes("/") && !provided.has(name));
      expect(wanted.length).toBeGreaterThan(0);
      expect(await asked("unprovided")).toEqual(ranked(count(wanted)));
    });

    it("tell the least glibc", async () => {
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

    it("tell what is not hardened", async () => {
      const soft = rows
        .filter(({ dynamicTable, type }) => dynamicTable === "present" && type !== "relocatable")
        .map((row) => [
          row.path,
          row.executableStack ?? true,
          row.relro === "none",
          row.type === "executable",
        ])
        .filter(([, ...lacks]) => lacks.includes(true))
        .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
      expect(soft.length).toBeGreaterThan(0);
      expect(await ask("hardening")).toEqual(soft);
    });

    it("tell which store paths search paths name", async () => {
      const targets = rows.flatMap(({ storePath, runpath, rpath }) => {
        const entries = (runpath ?? rpath ?? "").split(":");
        const others = entries.flatMap((entry) => /^\/nix\/store\/[^/]+/.exec(entry)?.[0] ?? []);
        return [...new Set(others.filter((target) => target !== storePath))];
      });
      expect(targets.length).toBeGreaterThan(0);
      expect(await asked("search-paths")).toEqual(ranked(count(targets)));
    });

    it("tell what is there several times", async () => {
      const groups = new Map<string, ScanRow[]>();
      for (const row of rows) {
        if (row.notes.buildId === null) continue;
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
      expect(copies.length).toBeGreaterThan(0);
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
});

/** As numbers, the first difference decides; then the longer one is the later. */
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
