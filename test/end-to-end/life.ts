// What every foreign program goes through here: it cannot start, is fixed, starts, and is restored.
import { expect } from "vitest";
import type { LoaderState, World } from "../world/world.js";
import type { DoctorDocument, FixDocument } from "./contract.js";

/** Why a program does not start, in the words of what is in the loader's place. */
const noStart: Record<LoaderState, RegExp> = {
  absent: /not found|No such file or directory/,
  stub: /^Could not start dynamically linked executable: /,
  "nix-ld": /error while loading shared libraries: /,
  "fixelf-ld": /error while loading shared libraries: /,
};

/** What doctor calls it. */
const inDoctorsWords: Record<Exclude<LoaderState, "absent">, string> = {
  stub: "NixOS's stub is at /lib64/ld-linux-x86-64.so.2",
  "nix-ld": "nix-ld is there, and ",
  "fixelf-ld": "fixelf-ld is there, and ",
};

/** The program does not start, and doctor reports that before it is tried. */
export async function expectNoStart(world: World, program: string): Promise<void> {
  const { exitCode, document } = await world.fixelfJson<DoctorDocument>(["doctor", program]);
  expect(document.files).toMatchObject([{ path: program, verdict: "broken" }]);
  const told = document.files[0]?.findings.map(({ message }) => message).join();
  if (world.loader !== "absent") expect(told).toContain(inDoctorsWords[world.loader]);
  expect(exitCode).toBe(1);
  const started = await world.run([program, "--version"]);
  expect(started.stderr).toMatch(noStart[world.loader]);
  expect(started.exitCode).toBe(127);
}

/** The program needs only libraries that nix-ld has by default, so it starts there, but nowhere else. */
export async function expectStartByNixLdOnly(world: World, program: string): Promise<void> {
  if (world.loader !== "nix-ld") return expectNoStart(world, program);
  const { exitCode, document } = await world.fixelfJson<DoctorDocument>(["doctor", program]);
  const loader = `${world.store["glibc-trixie"]}/lib/ld-linux-x86-64.so.2`;
  const summary = expect.stringContaining(`it runs through nix-ld with ${loader}, and `);
  expect(document.files).toMatchObject([{ path: program, verdict: "healthy", summary }]);
  expect(exitCode).toBe(0);
  await world.check([program, "--version"]);
  const other = { NIX_LD: "/absent" };
  const { document: changed } = await world.fixelfJson<DoctorDocument>(["doctor", program], {
    environment: other,
  });
  expect(changed.files).toMatchObject([{ path: program, verdict: "broken" }]);
  expect((await world.run([program, "--version"], { environment: other })).exitCode).not.toBe(0);
}

/** Fixes everything at or below a path. Each file that names a loader in any way is verified. */
export async function fix(world: World, path: string, ...flags: string[]): Promise<FixDocument> {
  const { exitCode, document } = await world.fixelfJson<FixDocument>(["fix", path, ...flags]);
  expect(document.files.filter(({ outcome }) => !["fixed", "unchanged"].includes(outcome))).toEqual(
    [],
  );
  expect(document.files.filter(({ verified }) => !verified)).toEqual([]);
  expect(exitCode).toBe(0);
  return document;
}

/** The findings for the files at or below a path, by file, where there are any. */
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
