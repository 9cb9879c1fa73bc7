// Files that leave a mark when any of their code is run: as the loader that they name, as an audit
// library, in a constructor, in the resolver of an IFUNC. Only `run` may leave one.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf as start, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, storePath } from "./support/store.js";

describe("no code of an examined file is run", needs("gcc"), () => {
  const directory = scratchDirectory();
  const store = join(directory, "store");
  const mark = join(directory, "mark");
  let ownLoader: string;
  const at = (name: string) => join(directory, name);
  const leavesMark = "void leave(void){creat(MARK,0600);}";

  const make = (output: string, text: string, ...options: string[]) => {
    const source = `int creat(const char*,int);${leavesMark}${text}`;
    compile(at(output), source, `-DMARK="${mark}"`, ...options);
  };

  /** Commands that were run. */
  const tried = new Set<string | undefined>();
  const fixelf = (...words: string[]) => {
    tried.add(words[0]);
    return start(words, { cwd: directory });
  };

  /** Started by the system, it leaves its mark: otherwise the test would prove nothing. */
  const isArmed = (name: string) => {
    spawnSync(at(name));
    const armed = existsSync(mark);
    rmSync(mark, { force: true });
    return armed;
  };

  beforeAll(() => {
    ownLoader = copyGlibc(join(storePath("glibc-2.36", "a", store), "lib"));
    const main = "int main(void){return 0;}";
    make("evil", "int main(void){leave();return 0;}", "-static");
    make("tree/interpreter", main, `-Wl,-I,${at("evil")}`);
    make("audit.so", "unsigned la_version(unsigned v){leave();return v;}", "-shared", "-fPIC");
    make("tree/audit", main, `-Wl,--audit=${at("audit.so")}`);
    make("tree/depaudit", main, `-Wl,--depaudit=${at("audit.so")}`);
    const early = "__attribute__((constructor)) void first(void){leave();}";
    make("tree/libfirst.so", early, "-shared", "-fPIC", "-Wl,-soname,libfirst.so");
    const own = ["-Wl,--no-as-needed", at("tree/libfirst.so"), "-Wl,-rpath,$ORIGIN"];
    make("tree/constructor", main, ...own);
    const resolver =
      "static int one(void){return 0;}static void*choose(void){leave();return one;}" +
      'int chosen(void) __attribute__((ifunc("choose")));int main(void){return chosen();}';
    make("tree/ifunc", resolver, "-Wl,-z,now");
    // A store of theirs, where the file that would be a loader is not one.
    const theirs = join(theirStore, `${"b".repeat(32)}-glibc-2.36/lib`);
    mkdirSync(theirs, { recursive: true });
    copyFileSync(at("evil"), join(theirs, basename(ownLoader)));
    copyFileSync(at("tree/libfirst.so"), join(theirs, "libfirst.so"));
    copyFileSync(at("tree/libfirst.so"), join(theirs, "libc.so.6"));
  });

  it.each(["evil", ...["audit", "depaudit", "constructor", "ifunc"].map((name) => `tree/${name}`)])(
    "%s is armed",
    (name) => {
      expect(isArmed(name)).toBe(true);
    },
  );

  const theirStore = join(directory, "their-store");
  const inTheirStore = ["--store", theirStore];
  const elsewhere = ["--no-index", "--store", store];
  const each = (name: string) => [`tree/${name}`];
  const all = ["tree"];
  it.each([
    ["inspect", "tree/audit", "tree/ifunc"],
    ["scan", ...all],
    ...["interpreter", "audit", "constructor"].map((name) => ["tree", ...each(name)]),
    ["doctor", ...elsewhere, ...all],
    ["closure", ...elsewhere, ...all],
    ["env", ...elsewhere, ...all],
    ["refs", ...all],
    ["tree", "--dot", "tree/interpreter"],
    ["scan", "--broken", ...all],
    ["loaders", ...inTheirStore],
    ["find", "libfirst.so", ...inTheirStore],
    ["index", ...inTheirStore],
    ["env", ...inTheirStore, ...all],
    ["undo", ...all],
    ["list"],
    ["prune"],
    ["path", "patchelf"],
    ["fix", "--dry-run", ...inTheirStore, ...all],
    ["fix", "--dry-run", ...elsewhere, ...all],
    ["patchelf", "--set-rpath", "/nowhere", "tree/ifunc"],
    ["auto-patchelf", "--paths", "tree", "--libs", "tree"],
  ])("%s leaves no mark", (...words) => {
    const { stderr, signal } = fixelf(...words);
    expect(signal).toBeNull();
    expect(stderr).not.toMatch(/unknown (command|option)/);
    expect(existsSync(mark)).toBe(false);
  });

  describe("fix verifies", () => {
    const outcomeOf = (...words: string[]) => {
      const { stdout } = fixelf("fix", "--json", "--no-gc-root", ...elsewhere, ...words);
      expect(existsSync(mark)).toBe(false);
      const { files } = JSON.parse(stdout) as { files: [Outcome] };
      return files[0];
    };

    it.each([["constructor"], ["ifunc"]])("%s with the given loader", (name) => {
      expect(outcomeOf("--interpreter", ownLoader, `tree/${name}`)).toMatchObject({
        verified: true,
      });
      expect(fixelf("undo", `tree/${name}`).code).toBe(0);
      expect(existsSync(mark)).toBe(false);
    });

    it("a file that names a loader of its own, with the store's loader", () => {
      expect(outcomeOf("tree/interpreter").outcome).toBe("fixed");
    });

    it.each([
      ["ifunc", [], /is not from the store/],
      ["audit", ["--interpreter"], /audit libraries that .*tree\/audit names/],
      ["depaudit", ["--interpreter"], /audit libraries that .*tree\/depaudit names/],
    ])("nothing of %s", (name, options, reason) => {
      const outcome = outcomeOf(
        ...options.flatMap((option) => [option, ownLoader]),
        `tree/${name}`,
      );
      expect(outcome.verified).toBe(false);
      expect(outcome.reasons.join("\n")).toMatch(reason);
      expect(["fixed", "unchanged"]).toContain(outcome.outcome);
    });
  });

  it("watch leaves no mark from files beside a program that it fixes", async () => {
    // Files in one directory are examined together.
    const arrived = at("incoming/program");
    cpSync(at("tree"), arrived, { recursive: true });
    make("incoming/program/broken", "int main(void){return 0;}", "-Wl,-I,/nowhere/loader");
    tried.add("watch");
    const words = ["watch", at("incoming"), "--no-gc-root", "--json", ...elsewhere];
    const watching = startFixelf(words, { cwd: directory });
    const ended = once(watching, "exit");
    let outcome = "";
    for await (const line of createInterface({ input: watching.stdout })) {
      outcome = line;
      if (line.includes(join(arrived, "broken"))) break;
    }
    watching.kill("SIGINT");
    await ended;
    expect(outcome).toContain(join(arrived, "broken"));
    expect(existsSync(mark)).toBe(false);
  });

  it("every command is tried, except run", () => {
    const help = fixelf("--help").stdout;
    const commands = [...help.matchAll(/^ {2}([a-z-]+) \[[a-z]+/gm)].map(([, name]) => name);
    expect(commands).toContain("run");
    const untried = commands.filter((name) => !tried.has(name));
    expect(untried).toEqual(["run", "help"]);
  });

  it("run leaves a mark", () => {
    fixelf("run", "--no-index", "tree/constructor");
    expect(existsSync(mark)).toBe(true);
  });
});
