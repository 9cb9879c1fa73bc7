// Scripts are fixed like programs: planned, written, verified, restored byte for byte.
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { apply, diagnose, type Outcome, type PlanOptions, plan, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { storePath } from "./support/store.js";

describe("fix of a script", needs("gcc"), () => {
  const root = scratchDirectory();
  const options: PlanOptions = { root, gcRoot: false, index: false };
  const python = `${storePath("python3-3.11", "a")}/bin/python3`;
  const env = `${storePath("coreutils-9", "b")}/bin/env`;
  const perl = `${storePath("perl-5", "c")}/bin/perl`;
  const script = join(root, "opt/app/script");

  const place = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  const write = (text: string, file = script) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  };
  const fix = async (extra: PlanOptions = {}, path = script): Promise<Outcome> => {
    const [outcome, ...others] = await apply(await plan([path], { ...options, ...extra }));
    if (outcome === undefined || others.length > 0) throw new Error("not one outcome");
    return outcome;
  };
  const fixed = async (line: string) => {
    write(`#!${line}\nrest\n`);
    const outcome = await fix();
    const [first, ...rest] = readFileSync(script, "utf8").split("\n");
    expect(rest).toEqual(["rest", ""]);
    return outcome.error?.message ?? first;
  };

  beforeAll(() => {
    const program = join(scratchDirectory(), "program");
    compile(program, "void _start(void) { for (;;) {} }", "-static", "-nostdlib");
    for (const path of [python, perl]) copyFileSync(program, place(path));
    // One program with many names, like coreutils.
    copyFileSync(program, place(`${dirname(env)}/coreutils`));
    symlinkSync("coreutils", place(env));
    for (const path of [python, env]) {
      const link = place(`/run/current-system/sw/bin/${path.split("/").at(-1)}`);
      symlinkSync(path, link);
    }
    symlinkSync("/run/current-system/sw/bin/env", place("/usr/bin/env"));
  });
  beforeEach(() => {
    process.env.XDG_STATE_HOME = scratchDirectory();
    rmSync(join(root, "opt"), { recursive: true, force: true });
  });

  it("writes the interpreter's path in the store, and can be undone", async () => {
    const text = "#!/usr/bin/python3 -u\nprint('ü')\n";
    write(text);
    utimesSync(script, 1e9, 1e9);
    chmodSync(script, 0o750);
    const before = statSync(script, { bigint: true });
    expect((await diagnose([script], { root }))[0]?.verdict).toBe("broken");
    const outcome = await fix();
    expect(outcome).toMatchObject({ outcome: "fixed", verified: true, error: null });
    expect(outcome.edits).toEqual([
      { what: "shebang", from: "#!/usr/bin/python3 -u", to: `#!${python} -u` },
    ]);
    expect(readFileSync(script, "utf8")).toBe(`#!${python} -u\nprint('ü')\n`);
    const after = statSync(script, { bigint: true });
    expect([after.mode, after.mtimeNs]).toEqual([before.mode, before.mtimeNs]);
    expect((await diagnose([script], { root }))[0]?.verdict).toBe("script");

    expect(await fix()).toMatchObject({ outcome: "unchanged", edits: [] });
    expect((await undo([script]))[0]?.outcome).toBe("restored");
    expect(readFileSync(script, "utf8")).toBe(text);
    expect((await undo([script]))[0]?.error?.code).toBe("no-undo-record");
  });

  it.each([
    ["grows", "#!/x/python3\n"],
    ["shrinks", `#!/${"x".repeat(150)}/python3\n`],
    ["keeps its length", `#!/${"x".repeat(python.length - 9)}/python3\n`],
    ["has no line end", "#!/x/python3"],
    ["is longer than a few sectors", `#!/x/python3\n${"# a comment\n".repeat(1000)}`],
  ])("can be done in place, and undone, if the text %s", async (_, text) => {
    write(text);
    const { ino } = statSync(script);
    expect(await fix({ inPlace: true })).toMatchObject({ outcome: "fixed" });
    expect(statSync(script).ino).toBe(ino);
    expect(readFileSync(script, "utf8")).toBe(text.replace(/^#!\S+/, `#!${python}`));
    expect((await undo([script]))[0]?.outcome).toBe("restored");
    expect(readFileSync(script, "utf8")).toBe(text);
  });

  it("understands the forms of a first line", async () => {
    expect(await fixed("/usr/bin/python3")).toBe(`#!${python}`);
    expect(await fixed("/x/python3   -a  -b ")).toBe(`#!${env} -S ${python} -a  -b`);
    expect(await fixed("/bin/env python3")).toBe(`#!${python}`);
    expect(await fixed("/bin/env python3 -u")).toBe(`#!${python} -u`);
    expect(await fixed("/usr/bin/env python3 -u")).toBe(`#!${python} -u`);
    expect(await fixed("/bin/env -S python3 -u -X utf8")).toBe(`#!${env} -S ${python} -u -X utf8`);
    // What follows an assignment is the program, whatever it looks like.
    expect(await fixed("/bin/env -S A=1 -u B python3")).toMatch(/cannot be told for sure/);
    expect(await fixed("/bin/env -S -u B A=1 python3 -u")).toBe(
      `#!${env} -S -u B A=1 ${python} -u`,
    );
    expect(await fixed('/bin/env -S "python3" -u')).toBe(`#!${env} -S ${python} -u`);
    expect(await fixed("/x/python3 #comment")).toBe(`#!${python}`);
    // Not on any path, but in the store.
    expect(await fixed("/usr/bin/perl -w")).toBe(`#!${perl} -w`);
    expect(await fixed("/usr/bin/env perl")).toBe(`#!${perl}`);
  });

  it("leaves working scripts alone", async () => {
    for (const line of ["/usr/bin/env python3", "/usr/bin/env -S A=1 python3 -u", python])
      expect(await fixed(line)).toBe(`#!${line}`);
  });

  it("refuses whatever it cannot do with certainty", async () => {
    const refused = async (text: string) => {
      write(text);
      const outcome = await fix();
      expect(readFileSync(script, "utf8")).toBe(text);
      expect(outcome.outcome).toBe("refused");
      return outcome.error?.message;
    };
    expect(await refused(`#!${env}\n`)).toMatch(/without end; write #!.*env PROGRAM$/);
    expect(await refused("#!/usr/bin/ruby\n")).toMatch(/neither PATH nor the store provides ruby/);
    expect(await refused("#!/usr/bin/python3\r\nx\r\n")).toMatch(/carriage returns/);
    expect(await refused("#!\nx\n")).toMatch(/names no interpreter/);
    expect(await refused(`#!/${"x".repeat(300)}\n`)).toMatch(/255 bytes/);
    expect(await refused(`#!/bin/env -S \${PYTHON}\n`)).toMatch(/cannot be told for sure/);
    expect(await refused("#!/x/python3\nexit\n\0payload")).toMatch(/no text behind the script/);
    expect(await refused(`#!/x/python3 ${"y".repeat(200)}\n`)).toMatch(
      /first line would be longer/,
    );
    const store = join(root, storePath("scripts", "d"), "script");
    write("#!/x/python3\n", store);
    expect((await fix({}, store)).error?.code).toBe("in-store");
  });

  it("writes nothing with --dry-run, and elsewhere with --output", async () => {
    write("#!/x/python3\nx\n");
    const planned = await plan([script], options);
    expect(planned.files[0]?.edits).toHaveLength(1);
    expect(planned.files[0]?.storePaths).toEqual([dirname(dirname(python))]);
    expect(readFileSync(script, "utf8")).toBe("#!/x/python3\nx\n");
    const output = join(root, "opt/copy");
    expect(await fix({ output })).toMatchObject({ outcome: "fixed", error: null });
    expect(readFileSync(script, "utf8")).toBe("#!/x/python3\nx\n");
    expect(readFileSync(output, "utf8")).toBe(`#!${python}\nx\n`);
    expect(statSync(output).mode & 0o777).toBe(0o755);
  });

  it("fixes the tree's own interpreter instead of taking another", async () => {
    const named = join(root, "opt/app/venv/bin/python3");
    const program = compile(named, "int main(void) { return 0; }", "-Wl,-I,/nowhere/ld.so");
    symlinkSync("python3", join(dirname(program), "python"));
    write("#!/opt/app/venv/bin/python\n");
    const outcome = await fix();
    expect(outcome).toMatchObject({ outcome: "refused", edits: [] });
    expect(outcome.error?.message).toMatch(
      /^its interpreter \/opt\/app\/venv\/bin\/python cannot start: .*; fixelf fix \/opt\/app\/venv\/bin\/python --root /,
    );
    const remedies = async (path: string) =>
      (await diagnose([path], { root })).flatMap(({ findings }) =>
        findings.flatMap(({ code, severity, remedy }) =>
          code === "script-interpreter-missing" ? [`${severity}: ${remedy}`] : [],
        ),
      );
    expect(await remedies(script)).toEqual([
      expect.stringMatching(/^error: fixelf fix \/opt\/app\/venv\/bin\/python --root /),
    ]);
    const app = dirname(script);
    expect(await remedies(app)).toEqual([expect.stringContaining(`error: fixelf fix ${app} `)]);
    // The program is refused, because the store has no loader; with the program, the script would
    // work.
    const { files } = await plan([app], options);
    expect(files.map(({ script, edits, refusal }) => [script, edits, refusal === null])).toEqual([
      [true, [], true],
      [false, [], false],
    ]);
    // For the whole system, any Python will do.
    rmSync(join(root, "usr/bin/python3"), { force: true });
    copyFileSync(program, place("/usr/bin/python3"));
    expect(await fixed("/usr/bin/python3")).toBe(`#!${python}`);
    rmSync(join(root, "usr/bin/python3"));
  });

  it("does not change hard-linked twins, or files changed since the plan", async () => {
    write("#!/x/python3\n");
    linkSync(script, `${script}-twin`);
    expect(await fix({ inPlace: true })).toMatchObject({ outcome: "refused" });
    expect(await fix()).toMatchObject({ outcome: "fixed" });
    expect(readFileSync(`${script}-twin`, "utf8")).toBe("#!/x/python3\n");
    appendFileSync(script, "more\n");
    expect((await undo([script]))[0]).toMatchObject({
      outcome: "refused",
      error: { code: "changed" },
    });
  });

  describe("for a directory", () => {
    it("takes the executable scripts, and prefers the tree's own interpreter", async () => {
      const app = join(root, "opt/app");
      write("#!/usr/bin/python3\n", join(app, "bin/tool"));
      write("#!/build/machine/bin/own -x\n", join(app, "bin/wrapper"));
      write("#!/usr/bin/env own\n", join(app, "bin/looks-up"));
      write("#!/usr/bin/python3\n", join(app, "lib/module.py"));
      chmodSync(join(app, "lib/module.py"), 0o644);
      copyFileSync(join(root, perl), join(app, "bin/own"));
      const outcomes = await apply(await plan([app], options));
      expect(outcomes.map(({ path, outcome }) => [path.slice(app.length), outcome])).toEqual([
        ["/bin/looks-up", "unchanged"],
        ["/bin/tool", "fixed"],
        ["/bin/wrapper", "fixed"],
      ]);
      const text = (name: string) => readFileSync(join(app, name), "utf8");
      expect(text("bin/tool")).toBe(`#!${python}\n`);
      expect(text("bin/wrapper")).toBe("#!/opt/app/bin/own -x\n");
      expect(text("lib/module.py")).toBe("#!/usr/bin/python3\n");
      const restored = await undo([app]);
      expect(restored.map(({ outcome }) => outcome)).toEqual(["restored", "restored"]);
      expect(text("bin/tool")).toBe("#!/usr/bin/python3\n");
    });
  });
});
