// Programs that give rights to the users that start them (AT_SECURE): what the kernel makes of them, and who else may
// own the libraries that come with them.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { apply, diagnose, edit, plan } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { fixelf, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const somebody = 4711;
const loader = "/lib64/ld-linux-x86-64.so.2";
const parts = ["gcc", "root", "setpriv", "set-user-ID programs", "x86-64"] as const;

describe("a program that gives rights", needs(...parts), () => {
  const made = scratchDirectory();
  let above: string;
  let tree: string;
  let program: string;
  let library: string;

  beforeAll(() => {
    const own = compile(
      join(made, "lib/libown.so"),
      "int own(void) { return 7; }",
      "-shared",
      "-Wl,-soname,libown.so",
    );
    const source = "int own(void); int main(void) { return own(); }";
    const origin = "-Wl,-rpath,$ORIGIN/../lib";
    compile(join(made, "bin/program"), source, own, origin);
  });
  beforeEach(() => {
    above = join(scratchDirectory(), "above");
    tree = join(above, "tree");
    mkdirSync(above);
    execFileSync("cp", ["-r", made, tree]);
    program = join(tree, "bin/program");
    library = join(tree, "lib/libown.so");
  });

  const startedBySomebody = (file = program) =>
    run([file], {
      by: ["setpriv", "--reuid", `${somebody}`, "--regid", `${somebody}`, "--clear-groups"],
    }).code;
  const verdict = async () => (await diagnose([program])).map((each) => each.verdict)[0];
  const fixed = async () => {
    const [planned] = (await plan([tree], { interpreter: loader, gcRoot: false })).files;
    return planned;
  };

  it.each([
    ["set-user-ID", () => chmodSync(program, 0o4755)],
    ["set-group-ID", () => chmodSync(program, 0o2755)],
  ])("does not find libraries beside itself: %s", async (_, give) => {
    give();
    expect([startedBySomebody(), await verdict()]).toEqual([127, "broken"]);
    await apply(await plan([tree], { interpreter: loader, gcRoot: false }));
    expect([startedBySomebody(), await verdict()]).toEqual([7, "healthy"]);
  });

  it.each([
    ["effective", ["cap_net_raw+ep"], 127],
    ["permitted only", ["cap_net_raw+p"], 127],
    ["inherited and effective", ["cap_net_raw+ei"], 127],
    ["inherited only", ["cap_net_raw+i"], 7],
    ["another user namespace's", ["-n", "5", "cap_net_raw+ep"], 7],
  ])(
    "is judged by its capabilities as by the kernel: %s",
    needs("setcap"),
    async (_, words, code) => {
      execFileSync("setcap", [...words, program]);
      expect(startedBySomebody()).toBe(code);
      expect(await verdict()).toBe(code === 7 ? "healthy" : "broken");
    },
  );

  it("gives none on a nosuid mount", needs("mount namespaces"), () => {
    chmodSync(program, 0o4755);
    const script = `mount -t tmpfs -o nosuid none "$1" && cp -a "$2" "$1" && shift 2 && "$@"`;
    const mounted = scratchDirectory();
    const by = [...unshare, "/bin/sh", "-c", script, "sh", mounted, tree];
    expect(fixelf(["doctor", join(mounted, "tree/bin/program")], { by }).stdout).toMatch(
      /^healthy/,
    );
  });

  it("ignores variables, which env reports", () => {
    chmodSync(program, 0o4755);
    const words = ["env", "--interpreter", loader, program];
    const { stderr, code } = fixelf(words);
    expect(stderr).toContain(
      `${program} gives rights to the user that starts it, and so its loader believes`,
    );
    expect(code).toBe(1);
    const [asked] = JSON.parse(fixelf([...words, "--json"]).stdout).programs;
    expect(asked).toMatchObject({ givesRights: true, runsAsItIs: false });
  });

  describe("is not given a library that others can change", () => {
    beforeEach(() => chmodSync(program, 0o4755));

    it.each([
      [
        "a directory above is somebody's",
        () => chownSync(above, somebody, 0),
        "belongs to user 4711",
      ],
      [
        "a directory above is written by all",
        () => chmodSync(above, 0o777),
        "others than its owner",
      ],
      ["the library is somebody's", () => chownSync(library, somebody, 0), "belongs to user 4711"],
      ["anybody adds to the directory", () => chmodSync(join(tree, "lib"), 0o1777), "may write to"],
      [
        "a library beside it is written by a group",
        () => chmodSync(compile(join(tree, "lib/libother.so"), "", "-shared"), 0o775),
        "others than its owner may write to",
      ],
    ])("%s", async (_, let_, why) => {
      let_();
      const planned = await fixed();
      expect(planned?.refusal?.message).toContain(why);
      expect(planned?.edits).toEqual([]);
      // doctor is consistent with that.
      const [diagnosis] = await diagnose([tree]);
      const [finding] = diagnosis?.findings ?? [];
      expect(finding?.evidence.join("\n")).toContain(why);
      expect(finding?.remedy).toMatch(/^Let nobody but root change .*, then: fixelf fix /);
    });

    it("except one below a sticky directory, whose entries belong to their owners", async () => {
      chmodSync(above, 0o1777);
      expect(await fixed()).toMatchObject({ refusal: null });
      chownSync(tree, somebody, 0);
      expect((await fixed())?.refusal?.message).toContain(`may write to ${above})`);
    });

    it("except its owner's, if the rights are the owner's", async () => {
      execFileSync("chown", ["-R", `${somebody}`, tree]);
      chmodSync(program, 0o4755);
      expect(await fixed()).toMatchObject({ refusal: null });
      chmodSync(program, 0o6755);
      expect((await fixed())?.refusal?.message).toContain("belongs to user 4711");
    });

    it("even with --lib and --interpreter", async () => {
      await edit(program, { searchPath: { set: "" } });
      const given = scratchDirectory();
      execFileSync("cp", [library, loader, given]);
      rmSync(join(tree, "lib"), { recursive: true });
      const named = (interpreter: string) =>
        plan([program], { interpreter, libraryDirectories: [given], gcRoot: false });
      expect((await named(loader)).files[0]).toMatchObject({ refusal: null });
      chmodSync(join(given, "ld-linux-x86-64.so.2"), 0o777);
      expect((await named(join(given, "ld-linux-x86-64.so.2"))).files[0]?.refusal?.message).toMatch(
        /is no loader for a program that gives rights/,
      );
      chmodSync(given, 0o777);
      expect((await named(loader)).files[0]?.refusal?.message).toContain("may write to");
    });
  });
});
