// plan, apply, diagnose and undo on a root shaped like NixOS, made from this machine's own glibc.
// No Nix.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  apply,
  diagnose,
  inspect,
  type Outcome,
  type PlanOptions,
  plan,
  undo,
} from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { NixosRoot, storePath } from "./support/store.js";

describe("fix", needs("gcc"), () => {
  const build = scratchDirectory();
  const root = new NixosRoot();
  const thing = `${storePath("thing-1.0", "b")}/lib`;
  const options: PlanOptions = { root: root.path, gcRoot: false };
  const app = root.in("opt/app");
  const program = join(app, "bin/program");
  const bundled = join(app, "lib/libbundled.so");
  let state: string;

  const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  const fix = async (path: string, extra: PlanOptions = {}) => {
    const [outcome, ...others] = await apply(await plan([path], { ...options, ...extra }));
    if (outcome === undefined || others.length > 0) throw new Error("not one outcome");
    return outcome;
  };
  const doctor = async (path: string) => {
    const [diagnosis] = await diagnose([path], { root: root.path });
    if (diagnosis === undefined) throw new Error("no diagnosis");
    return diagnosis;
  };
  /**
   * Runs a program of the root as if the root were this machine's: through the loader, with all
   * paths.
   */
  const run = async (path: string) => {
    const { interpreter, runpath, rpath } = await inspect(path);
    const origin = dirname(path);
    const expand = (entry: string) => entry.replace(/^\$ORIGIN|^\$\{ORIGIN\}/, origin);
    const directories = (runpath ?? rpath ?? "")
      .split(":")
      .map(expand)
      .map((entry) => (entry.startsWith(root.path) ? entry : root.in(entry)));
    const words = ["--library-path", directories.join(":"), path];
    return execFileSync(root.in(interpreter ?? ""), words, { encoding: "utf8" });
  };

  beforeAll(() => {
    const needed = compile(
      root.in(`${thing}/libthing.so.1`),
      "int thing(void) { return 40; }",
      ...["-shared", "-fPIC", "-Wl,-soname,libthing.so.1"],
    );
    const library = compile(
      join(build, "libbundled.so"),
      "int thing(void); int bundled(void) { return thing() + 2; }",
      ...["-shared", "-fPIC", needed, "-Wl,-soname,libbundled.so"],
    );
    compile(
      join(build, "program"),
      '#include <stdio.h>\nint bundled(void); int main(void) { printf("%d\\n", bundled()); }',
      ...[library, "-Wl,--allow-shlib-undefined"],
      "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib",
    );
  });
  beforeEach(() => {
    state = scratchDirectory();
    process.env.XDG_STATE_HOME = state;
    rmSync(root.in("opt"), { recursive: true, force: true });
    for (const path of [program, bundled]) {
      mkdirSync(dirname(path), { recursive: true });
      copyFileSync(join(build, basename(path)), path);
      chmodSync(path, 0o755);
    }
  });

  it("makes a foreign program run, and can be undone", async () => {
    const before = [sha256(program), sha256(bundled)];
    const sick = await doctor(program);
    expect(sick.verdict).toBe("broken");
    expect(sick.findings.map(({ code }) => code)).toContain("interpreter-missing");

    const plan1 = await plan([app], options);
    expect([sha256(program), sha256(bundled)]).toEqual(before);
    const outcomes = await apply(plan1);
    expect(outcomes.map(({ path, outcome, error }) => ({ path, outcome, error }))).toEqual([
      { path: program, outcome: "fixed", error: null },
      { path: bundled, outcome: "fixed", error: null },
    ]);
    const facts = await inspect(program);
    expect(facts.interpreter).toBe(root.loader);
    expect(facts.runpath).toMatch(/^\$ORIGIN\/\.\.\/lib/);
    expect((await inspect(bundled)).runpath).toContain(thing);
    for (const path of [program, bundled])
      expect(await doctor(path)).toMatchObject({ verdict: "healthy", findings: [] });

    const fixed = [sha256(program), sha256(bundled)];
    const second = await apply(await plan([app], options));
    expect(second.map(({ outcome }) => outcome)).toEqual(["unchanged", "unchanged"]);
    expect([sha256(program), sha256(bundled)]).toEqual(fixed);

    const restored = await undo([app]);
    expect(restored.map(({ outcome }) => outcome)).toEqual(["restored", "restored"]);
    expect([sha256(program), sha256(bundled)]).toEqual(before);
    expect((await undo([program]))[0]).toMatchObject({
      outcome: "refused",
      error: { code: "no-undo-record" },
    });
  });

  it("fixes a program alone", async () => {
    const before = sha256(program);
    expect(await fix(program)).toMatchObject({ outcome: "fixed", error: null });
    expect(await doctor(program)).toMatchObject({ verdict: "healthy" });
    expect(await run(program)).toBe("42\n");
    expect(await fix(program)).toMatchObject({ outcome: "unchanged", edits: [] });
    expect((await undo([program]))[0]?.outcome).toBe("restored");
    expect(sha256(program)).toBe(before);
  });

  it("fixes in place, and can be undone", async () => {
    const before = sha256(program);
    const { ino } = statSync(program);
    expect(await fix(program, { inPlace: true })).toMatchObject({ outcome: "fixed" });
    expect(statSync(program).ino).toBe(ino);
    expect(await doctor(program)).toMatchObject({ verdict: "healthy" });
    expect((await undo([program]))[0]?.outcome).toBe("restored");
    expect(sha256(program)).toBe(before);
  });

  it("writes to another file and leaves the original", async () => {
    const before = sha256(program);
    const output = join(app, "bin/copy");
    expect(await fix(program, { output })).toMatchObject({ outcome: "fixed", error: null });
    expect(sha256(program)).toBe(before);
    expect(await doctor(output)).toMatchObject({ verdict: "healthy" });
    expect(statSync(output).mode & 0o777).toBe(0o755);
    await expect(plan([program], { ...options, output, inPlace: true })).rejects.toMatchObject({
      code: "usage",
    });
    await expect(plan([app], { ...options, output })).rejects.toMatchObject({ code: "usage" });
  });

  it("leaves the store alone", async () => {
    const inStore = root.in(`${storePath("foreign-1", "c")}/bin/program`);
    mkdirSync(dirname(inStore), { recursive: true });
    copyFileSync(program, inStore);
    const before = sha256(inStore);
    symlinkSync(inStore.slice(root.path.length), join(app, "into-store"));
    const inStoreError = { outcome: "refused", error: { code: "in-store" } };
    expect(await fix(inStore)).toMatchObject(inStoreError);
    expect(await fix(inStore, { inPlace: true })).toMatchObject(inStoreError);
    expect(await fix(join(app, "into-store"))).toMatchObject(inStoreError);
    expect(sha256(inStore)).toBe(before);
    rmSync(dirname(dirname(inStore)), { recursive: true });
  });

  describe("refuses, without a change", () => {
    const damages: [title: string, code: string, damage: () => void][] = [
      ["a text", "not-elf", () => writeFileSync(program, "some text, and no program\n")],
      ["an empty file", "not-elf", () => truncateSync(program, 0)],
      ["a file of four bytes", "truncated", () => truncateSync(program, 4)],
      ["a truncated header", "truncated", () => truncateSync(program, 40)],
      ["a truncated file", "truncated", () => truncateSync(program, 700)],
      [
        "a header of 65535 program headers",
        "malformed",
        () => {
          const bytes = readFileSync(program);
          bytes.writeUInt16LE(65535, bytes[4] === 1 ? 44 : 56);
          writeFileSync(program, bytes);
        },
      ],
    ];
    it.each(damages)("%s", async (_title, code, damage) => {
      damage();
      const before = sha256(program);
      const { ino, mtimeNs } = statSync(program, { bigint: true });
      expect(await fix(program)).toMatchObject({ outcome: "refused", error: { code } });
      expect(sha256(program)).toBe(before);
      expect(statSync(program, { bigint: true })).toMatchObject({ ino, mtimeNs });
      expect(readdirSync(dirname(program))).toEqual(["program"]);
      expect(existsSync(join(state, "fixelf/undo"))).toBe(false);
    });

    it("a program whose library cannot be found", async () => {
      rmSync(bundled);
      const before = sha256(program);
      const outcome = await fix(program);
      expect(outcome).toMatchObject({ outcome: "refused", error: { code: "unsolvable" } });
      expect(outcome.error?.message).toContain("libbundled.so");
      expect(sha256(program)).toBe(before);
      expect(await fix(program, { ignoreMissing: ["libbundled.*"] })).toMatchObject({
        outcome: "fixed",
      });
    });
  });

  it("throws for a path that does not exist", async () => {
    await expect(plan([join(app, "none")], options)).rejects.toMatchObject({ code: "not-found" });
    await expect(undo([join(app, "none")])).rejects.toMatchObject({ code: "not-found" });
  });

  it("does not change a hard link's twin", async () => {
    const twin = join(app, "bin/twin");
    linkSync(program, twin);
    const before = sha256(twin);
    const { outcome, reasons } = await fix(program);
    expect(outcome).toBe("fixed");
    expect(reasons).toContain(
      "it has other names (hard links): this one becomes a file of its own",
    );
    expect(sha256(twin)).toBe(before);
    expect(sha256(program)).not.toBe(before);
    expect((await undo([program]))[0]?.outcome).toBe("restored");
    expect(sha256(program)).toBe(before);
  });

  it("changes each name below a directory that was named, and restores each", async () => {
    const names = [program, join(app, "bin/second"), join(app, "bin/third")];
    for (const name of names.slice(1)) linkSync(program, name);
    const before = sha256(program);
    const ofNames = (outcomes: Outcome[]) =>
      outcomes.filter(({ path }) => names.includes(path)).map(({ outcome }) => outcome);
    expect(ofNames(await apply(await plan([app], options)))).toEqual(["fixed", "fixed", "fixed"]);
    expect(new Set(names.map((name) => statSync(name).ino)).size).toBe(3);
    for (const name of names) expect(sha256(name)).not.toBe(before);
    const again = ofNames(await apply(await plan([app], options)));
    expect(again).toEqual(["unchanged", "unchanged", "unchanged"]);
    await undo([app]);
    for (const name of names) expect(sha256(name)).toBe(before);
  });

  it("changes a file once that was named twice", async () => {
    const link = join(app, "bin/link");
    symlinkSync("program", link);
    const outcomes = await apply(await plan([link, program], options));
    expect(outcomes).toMatchObject([
      { path: link, outcome: "fixed", remaining: [] },
      {
        path: program,
        outcome: "unchanged",
        reasons: expect.arrayContaining([`it is the same file as ${link}, and is fixed with it`]),
        remaining: [],
      },
    ]);
  });

  it("does not write in place into a file with two names", async () => {
    linkSync(program, join(app, "bin/twin"));
    const before = sha256(program);
    const planned = await plan([program], { ...options, inPlace: true });
    const [file] = planned.files;
    expect(file).toMatchObject({ edits: [], refusal: { code: "unsupported", failed: false } });
    const outcome = await fix(program, { inPlace: true });
    expect(outcome).toMatchObject({ outcome: "refused", error: { code: "unsupported" } });
    expect(outcome.error?.message).toBe(file?.refusal?.message);
    expect(sha256(program)).toBe(before);
  });

  it("also refuses to write in place if the file got its second name after the plan", async () => {
    const planned = await plan([program], { ...options, inPlace: true });
    linkSync(program, join(app, "bin/twin"));
    const before = sha256(program);
    const [outcome] = await apply(planned);
    expect(outcome?.outcome).toMatch(/^(refused|failed)$/);
    expect(sha256(program)).toBe(before);
  });

  it("follows a symbolic link, which is kept", async () => {
    const link = join(app, "link");
    symlinkSync("bin/program", link);
    const before = sha256(program);
    expect(await fix(link)).toMatchObject({ outcome: "fixed", path: link });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readlinkSync(link)).toBe("bin/program");
    expect(await doctor(program)).toMatchObject({ verdict: "healthy" });
    expect((await undo([link]))[0]).toMatchObject({ outcome: "restored", path: link });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(sha256(program)).toBe(before);
  });

  it.each(["0700", "0755", "4711", "0640"])("keeps mode %s, owner and times", async (mode) => {
    chmodSync(program, mode);
    utimesSync(program, 1_000_000_000, 1_234_567_890.123);
    const before = statSync(program, { bigint: true });
    for (const step of ["fix", "undo"]) {
      const result = step === "fix" ? await fix(program) : (await undo([program]))[0];
      expect(result?.outcome).toMatch(/^(fixed|restored)$/);
      const { mode, uid, gid, mtimeNs, nlink } = statSync(program, { bigint: true });
      expect({ mode, uid, gid, mtimeNs, nlink }).toEqual({
        mode: before.mode,
        uid: before.uid,
        gid: before.gid,
        mtimeNs: before.mtimeNs,
        nlink: before.nlink,
      });
    }
  });

  it("does not undo over changes made since", async () => {
    await fix(program);
    appendFileSync(program, "update");
    const changed = sha256(program);
    const [outcome] = await undo([program]);
    expect(outcome).toMatchObject({ outcome: "refused", error: { code: "changed" } });
    expect(sha256(program)).toBe(changed);
  });

  it("does not write over changes made since the plan", async () => {
    const made = await plan([program], options);
    appendFileSync(program, "update");
    const changed = sha256(program);
    const [outcome] = await apply(made);
    expect(outcome).toMatchObject({ outcome: "refused", error: { code: "changed" } });
    expect(sha256(program)).toBe(changed);
  });

  it("writes nothing once it is cancelled", async () => {
    const before = sha256(program);
    const made = await plan([program], options);
    await expect(apply(made, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(sha256(program)).toBe(before);
  });
});
