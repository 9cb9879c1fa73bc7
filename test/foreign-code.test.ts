// Files that leave a mark when any of their code is run: as the loader that they name, as an audit
// library, in a constructor, in the resolver of an IFUNC. Only `run` may leave one.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { isLoaderName } from "../lib/file/interpreter.js";
import type { Outcome } from "../lib/index.js";
import { needs } from "./support/needs.js";
import { addonEnvironment } from "./support/preload.js";
import { scratchDirectory } from "./support/scratch.js";

const cli = fileURLToPath(new URL("../dist/cli/main.cjs", import.meta.url));

describe("no code of an examined file is run", needs("gcc"), () => {
  const directory = scratchDirectory();
  const store = join(directory, "store");
  const lib = join(store, `${"a".repeat(32)}-glibc-2.36/lib`);
  const mark = join(directory, "mark");
  let ownLoader: string;
  const at = (name: string) => join(directory, name);
  const leavesMark = "void leave(void){creat(MARK,0600);}";

  const compile = (output: string, text: string, ...options: string[]) =>
    execFileSync(
      "gcc",
      ["-w", "-x", "c", "-", "-o", at(output), "-x", "none", `-DMARK="${mark}"`, ...options],
      { cwd: directory, input: `int creat(const char*,int);${leavesMark}${text}` },
    );

  const fixelf = (...words: string[]) =>
    spawnSync(process.execPath, [cli, ...words], {
      cwd: directory,
      encoding: "utf8",
      env: {
        ...process.env,
        ...addonEnvironment,
        HOME: directory,
        XDG_STATE_HOME: at("state"),
        XDG_CACHE_HOME: at("cache"),
      },
    });

  /** Started by the system, it leaves its mark: else the test would say nothing. */
  const isArmed = (name: string) => {
    spawnSync(at(name));
    const armed = existsSync(mark);
    rmSync(mark, { force: true });
    return armed;
  };

  beforeAll(() => {
    const shared = (process.report.getReport() as { sharedObjects: string[] }).sharedObjects;
    const libc = shared.find((path) => basename(path) === "libc.so.6");
    if (libc === undefined) throw new Error("this Node does not use glibc");
    const loader = readdirSync(dirname(libc)).find(isLoaderName) as string;
    mkdirSync(lib, { recursive: true });
    for (const name of ["libc.so.6", loader])
      copyFileSync(realpathSync(join(dirname(libc), name)), join(lib, name));
    ownLoader = join(lib, loader);
    chmodSync(ownLoader, 0o755);

    mkdirSync(at("tree"));
    const main = "int main(void){return 0;}";
    compile("evil", "int main(void){leave();return 0;}", "-static");
    compile("tree/interpreter", main, `-Wl,-I,${at("evil")}`);
    compile("audit.so", "unsigned la_version(unsigned v){leave();return v;}", "-shared", "-fPIC");
    compile("tree/audit", main, `-Wl,--audit=${at("audit.so")}`);
    compile("tree/depaudit", main, `-Wl,--depaudit=${at("audit.so")}`);
    const early = "__attribute__((constructor)) void first(void){leave();}";
    compile("tree/libfirst.so", early, "-shared", "-fPIC", "-Wl,-soname,libfirst.so");
    const own = ["-Wl,--no-as-needed", at("tree/libfirst.so"), "-Wl,-rpath,$ORIGIN"];
    compile("tree/constructor", main, ...own);
    const resolver =
      "static int one(void){return 0;}static void*choose(void){leave();return one;}" +
      'int chosen(void) __attribute__((ifunc("choose")));int main(void){return chosen();}';
    compile("tree/ifunc", resolver, "-Wl,-z,now");
  });

  it.each(["evil", ...["audit", "depaudit", "constructor", "ifunc"].map((name) => `tree/${name}`)])(
    "%s is armed",
    (name) => {
      expect(isArmed(name)).toBe(true);
    },
  );

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
    ["fix", "--dry-run", ...elsewhere, ...all],
    ["patchelf", "--set-rpath", "/nowhere", "tree/ifunc"],
    ["auto-patchelf", "--paths", "tree", "--libs", "tree"],
  ])("%s leaves no mark", (...words) => {
    const { stderr, signal } = fixelf(...words);
    expect(signal).toBeNull();
    expect(stderr).not.toMatch(/unknown (command|option)/);
    expect(existsSync(mark)).toBe(false);
  });

  describe("fix asks the store's loader, or nobody", () => {
    const outcomeOf = (...words: string[]) => {
      const { stdout } = fixelf("fix", "--json", "--no-gc-root", ...elsewhere, ...words);
      expect(existsSync(mark)).toBe(false);
      const { files } = JSON.parse(stdout) as { files: [Outcome] };
      return files[0];
    };

    it.each([["constructor"], ["ifunc"]])("the loader, about %s", (name) => {
      expect(outcomeOf("--interpreter", ownLoader, `tree/${name}`)).toMatchObject({
        verified: true,
      });
      expect(fixelf("undo", `tree/${name}`).status).toBe(0);
      expect(existsSync(mark)).toBe(false);
    });

    it("the store's loader, about a file with one of its own", () => {
      expect(outcomeOf("tree/interpreter").outcome).toBe("fixed");
    });

    it.each([
      ["ifunc", [], /is none of the store's/],
      ["audit", ["--interpreter"], /audit libraries that .*tree\/audit names/],
      ["depaudit", ["--interpreter"], /audit libraries that .*tree\/depaudit names/],
    ])("nobody, about %s", (name, options, reason) => {
      const outcome = outcomeOf(
        ...options.flatMap((option) => [option, ownLoader]),
        `tree/${name}`,
      );
      expect(outcome.verified).toBe(false);
      expect(outcome.reasons.join("\n")).toMatch(reason);
      expect(["fixed", "unchanged"]).toContain(outcome.outcome);
    });
  });

  it("run leaves one", () => {
    fixelf("run", "--no-index", "tree/constructor");
    expect(existsSync(mark)).toBe(true);
  });
});
