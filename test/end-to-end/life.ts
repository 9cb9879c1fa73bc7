// What every foreign program goes through here: it cannot start, is fixed, starts, and is as before.
import { expect } from "vitest";
import type { World } from "../world/world.js";
import type { DoctorDocument, FixDocument } from "./contract.js";

/** The kernel does not find the loader that the program names; the shell says so with 127. */
export async function expectNoStart(world: World, program: string): Promise<void> {
  const { exitCode, stderr } = await world.run([program, "--version"]);
  expect(stderr).toMatch(/not found|No such file or directory/);
  expect(exitCode).toBe(127);
}

/** Fixes all that is at or below a path. Each file that has anything to do with a loader is verified. */
export async function fix(world: World, path: string, ...flags: string[]): Promise<FixDocument> {
  const { exitCode, document } = await world.fixelfJson<FixDocument>(["fix", path, ...flags]);
  expect(document.files.filter(({ outcome }) => !["fixed", "unchanged"].includes(outcome))).toEqual(
    [],
  );
  expect(document.files.filter(({ verified }) => !verified)).toEqual([]);
  expect(exitCode).toBe(0);
  return document;
}

/** The findings of all files at or below a path, by file, where there are any. */
export async function findings(world: World, path: string): Promise<Record<string, string[]>> {
  const { document } = await world.fixelfJson<DoctorDocument>(["doctor", path]);
  return Object.fromEntries(
    document.files
      .filter((file) => file.findings.length > 0)
      .map((file) => [file.path, file.findings.map(({ code }) => code)]),
  );
}

export async function expectHealthy(world: World, program: string): Promise<void> {
  const { exitCode, document } = await world.fixelfJson<DoctorDocument>(["doctor", program]);
  expect(document.files).toMatchObject([{ path: program, verdict: "healthy", findings: [] }]);
  expect(exitCode).toBe(0);
}

/** A second fix writes nothing, not even the same bytes again. */
export async function expectFixedForGood(
  world: World,
  path: string,
  ...flags: string[]
): Promise<void> {
  const before = await world.state(path);
  const { files } = await fix(world, path, ...flags);
  expect(files.filter(({ outcome }) => outcome !== "unchanged")).toEqual([]);
  expect(await world.state(path)).toEqual(before);
}

export async function undo(world: World, paths: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await world.fixelf(["undo", ...paths]);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
}

/** The files that a fix wrote. */
export function written({ files }: FixDocument): string[] {
  return files.filter(({ outcome }) => outcome === "fixed").map(({ path }) => path);
}
