// Debian packages of many architectures: what a scan reports about their files is what the tools report.
//
//     npm run test:corpus
//     FIXELF_CORPUS=DIR npm run test:corpus     takes the files from DIR, or puts them there and keeps them
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { type Comparison, compare, reportOf } from "./compare.js";
import { fetchPackages, unpackPackages } from "./fetch.js";

describe("a scan of Debian packages", needs("readelf", "eu-readelf", "pyelftools"), () => {
  const scratch = mkdtempSync(join(tmpdir(), "fixelf-corpus-"));
  const root = process.env.FIXELF_CORPUS ?? join(scratch, "root");
  let comparison: Comparison;

  beforeAll(async () => {
    if (!existsSync(join(root, "nix/store"))) {
      fetchPackages(join(scratch, "packages"));
      unpackPackages(join(scratch, "packages"), root);
    }
    comparison = await compare("/nix/store", { root });
    console.log(reportOf(comparison));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it("covers thousands of files, for more than ten machines", () => {
    expect(comparison.files).toBeGreaterThan(10_000);
    expect(comparison.machines.size).toBeGreaterThan(10);
  });

  it("has every ELF file, and no other", () => {
    expect(comparison.missing).toEqual([]);
  });

  it("can read all of them", () => {
    expect(comparison.unreadable).toEqual([]);
  });

  it("agrees in each column with readelf, eu-readelf and pyelftools", () => {
    expect(comparison.differences).toEqual([]);
  });
});
