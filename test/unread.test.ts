// What is below a directory and cannot be read: it is never called healthy, damaged or absent.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "./support/needs.js";
import { fixelf, node } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

describe("what cannot be read below a directory", needs("python3"), () => {
  const tree = scratchDirectory();
  // Root cannot be kept out.
  const identity = process.getuid?.() === 0 ? { uid: 4711, gid: 4711 } : {};
  const home = scratchDirectory();
  const env = {
    HOME: home,
    XDG_CACHE_HOME: join(home, "cache"),
    XDG_STATE_HOME: join(home, "state"),
  };
  const asked = (...words: string[]) => fixelf(words, { ...identity, env, cwd: "/" });

  beforeAll(() => {
    chmodSync(home, 0o777);
    mkdirSync(join(tree, "closed"));
    writeFileSync(join(tree, "file"), "\x7fELF");
    const deep = `import os
os.chdir(${JSON.stringify(tree)})
for i in range(40):
  os.mkdir("x" * 200); os.chdir("x" * 200)`;
    execFileSync("python3", ["-c", deep]);
    chmodSync(join(tree, "closed"), 0);
    chmodSync(join(tree, "file"), 0);
  });

  // Deeper than Node's own rmSync goes.
  afterAll(() => {
    execFileSync("rm", ["-rf", tree]);
  });

  const unread = [
    { path: join(tree, "closed"), code: "permission-denied" },
    { path: join(tree, "file"), code: "permission-denied" },
    { path: expect.stringContaining(join(tree, "xxx")), code: "io" },
  ];

  it("is reported by closure", () => {
    const { stdout, code } = asked("closure", "--json", tree);
    expect(JSON.parse(stdout).unread).toEqual(unread.map((each) => expect.objectContaining(each)));
    expect(code).toBe(2);
    expect(asked("closure", tree).stdout).toContain(`not read  ${tree}/closed  cannot list`);
  });

  it("is reported by env, without calling the directory empty", () => {
    const { stdout, code } = asked("env", "--json", tree);
    expect(JSON.parse(stdout).problems).toEqual(
      unread.map((each) => expect.objectContaining(each)),
    );
    expect(code).toBe(2);
  });

  it("is reported by run --with", () => {
    const { stdout } = asked("run", "--json", "--with", tree, node.at(-1) as string);
    expect(JSON.parse(stdout).unserved.join("\n")).toContain("cannot list the directory");
  });

  it("is not taken for a damaged file by doctor and fix", () => {
    const { stdout, code } = asked("doctor", "--json", tree);
    const { files } = JSON.parse(stdout) as { files: { verdict: string }[] };
    expect(files.map(({ verdict }) => verdict)).toEqual(unread.map(() => "unreadable"));
    expect(code).toBe(2);
    const planned = JSON.parse(asked("fix", "--dry-run", "--json", tree).stdout);
    for (const { refusal } of planned.files) expect(refusal.failed).toBe(true);
  });
});
