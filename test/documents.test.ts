// What documents name has to exist: tests that demonstrate a promise, and files of the core.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const checkout = dirname(import.meta.dirname);
const text = (name: string) => readFileSync(join(checkout, name), "utf8");
const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].concat(
  readdirSync(join(checkout, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
);

/** "`test/a.test.ts`", and "`native/base/location`", which are two files. */
const pathsIn = (markdown: string) =>
  Array.from(
    markdown.matchAll(/`((?:test|native|nix)\/[a-z\d_./-]*)`/g),
    ([, path]) => path as string,
  );

describe.each(documents)("%s", (document) => {
  it("names only files that exist", () => {
    const missing = pathsIn(text(document)).filter(
      (path) => !["", ".hpp", ".cpp"].some((end) => existsSync(join(checkout, path + end))),
    );
    expect(missing).toEqual([]);
  });
});

describe("docs/security.md", () => {
  const rows = text("docs/security.md")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| |"));

  it("names a test for each guarantee", () => {
    expect(rows.length).toBeGreaterThan(10);
    const unshown = rows.filter((row) => pathsIn(row.split("|").at(-2) ?? "").length === 0);
    expect(unshown).toEqual([]);
  });
});
