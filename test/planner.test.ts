// Which loader and which libraries a plan chooses, from stores in which the first choice is wrong.
// Nothing is run: libraries are empty except for their versions.
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { fixelfCommand } from "../lib/base/shell.js";
import { diagnose, plan } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";
import { ownLoader, storePath } from "./support/store.js";

describe("the planner", needs("gcc"), () => {
  const directory = scratchDirectory();
  const map = join(directory, "versions.map");
  const root = scratchDirectory();
  const realLoader = ownLoader();

  /** Needs such as "libz.so.1" or "libc.so.6:GLIBC_2.38". */
  interface Made {
    defines?: string[];
    needs?: string[];
    runpath?: string;
  }
  const functionOf = (version: string) => `f_${version.replace(/\W/g, "_")}`;

  /** A library to link against: it defines one function for each version. */
  function stub(soname: string, versions: string[]): string {
    const output = join(directory, `stub-${versions.join("-")}`, soname);
    return existsSync(output) ? output : build(output, soname, { defines: versions });
  }

  function build(
    output: string,
    soname: string | null,
    { defines = [], needs = [], runpath }: Made,
  ): string {
    const called = needs.flatMap((need) => need.split(":")[1] ?? []).map(functionOf);
    const sum = ["0", ...called.map((name) => `${name}()`)].join(" + ");
    const source = [
      ...defines.map((version) => `int ${functionOf(version)}(void) { return 0; }`),
      ...called.map((name) => `int ${name}(void);`),
      `int ${soname === null ? "_start" : "made"}(void) { return ${sum}; }`,
    ];
    const versioned = defines.map((version) => `${version} { global: ${functionOf(version)}; };`);
    writeFileSync(map, versioned.join("\n"));
    return compile(
      output,
      source.join("\n"),
      ...["-nostdlib", "-fPIC", "-Wl,--no-as-needed", ...stubsOf(needs)],
      ...(soname === null
        ? [`-Wl,--dynamic-linker=/lib64/${basename(realLoader)}`]
        : ["-shared", `-Wl,-soname,${soname}`]),
      ...(versioned.length > 0 ? [`-Wl,--version-script=${map}`] : []),
      ...(runpath === undefined ? [] : [`-Wl,--enable-new-dtags,-rpath,${runpath}`]),
      "-Wl,--allow-shlib-undefined",
    );
  }

  let letters: string[];
  /** The path of a new store path. */
  const newPath = (name: string) => storePath(name, letters.shift());
  /** Adds a package with one library; returns its directory. */
  function provide(name: string, soname: string, made: Made): string {
    const lib = `${newPath(name)}/lib`;
    build(join(root, lib, soname), soname, made);
    return lib;
  }
  function glibc(release: number): string {
    const defines = Array.from({ length: release - 33 }, (_, index) => `GLIBC_2.${34 + index}`);
    const lib = provide(`glibc-2.${release}`, "libc.so.6", { defines });
    copyFileSync(realLoader, join(root, lib, basename(realLoader)));
    return lib;
  }
  const program = (needs: string[]) => build(join(root, "opt/program"), null, { needs });
  function stubsOf(needs: string[]): string[] {
    const names = new Set(needs.map((need) => need.split(":", 1)[0] as string));
    return [...names].map((name) => {
      const versions = needs.filter((need) => need.startsWith(`${name}:`));
      return stub(
        name,
        versions.map((need) => need.slice(name.length + 1)),
      );
    });
  }
  async function planned(path: string) {
    const [file] = (await plan([path], { root, gcRoot: false, index: false })).files;
    if (file === undefined) throw new Error("nothing is planned");
    return { ...file, to: (what: string) => file.edits.find((edit) => edit.what === what)?.to };
  }

  beforeEach(() => {
    letters = [..."abcdfghijklm"];
    rmSync(root, { recursive: true, force: true });
    mkdirSync(join(root, "nix/store"), { recursive: true });
  });

  const loaderOf = (lib: string) => `${lib}/${basename(realLoader)}`;

  it("takes the newest loader if nothing speaks against it", async () => {
    glibc(36);
    const newer = glibc(41);
    const file = await planned(program(["libc.so.6:GLIBC_2.34"]));
    expect(file.refusal).toBeNull();
    expect(file.to("interpreter")).toBe(loaderOf(newer));
    expect(file.to("runpath")).toBe(newer);
  });

  it("skips a library that needs a newer glibc than there is", async () => {
    const libc = glibc(36);
    const old = provide("gcc-12-lib", "libstdc++.so.6", {
      defines: ["GLIBCXX_3.4.30"],
      needs: ["libc.so.6:GLIBC_2.34"],
    });
    provide("gcc-14-lib", "libstdc++.so.6", {
      defines: ["GLIBCXX_3.4.30", "GLIBCXX_3.4.33"],
      needs: ["libc.so.6:GLIBC_2.38"],
    });
    const file = await planned(program(["libc.so.6:GLIBC_2.34", "libstdc++.so.6:GLIBCXX_3.4.30"]));
    expect(file.refusal).toBeNull();
    expect(file.to("runpath")?.split(":").sort()).toEqual([libc, old].sort());
  });

  it("takes another loader for the sake of a library", async () => {
    // A bootstrap copy comes last, although the library fits no other.
    glibc(36);
    const lib = `${newPath("bootstrap-glibc-2.38")}/lib`;
    build(join(root, lib, "libc.so.6"), "libc.so.6", {
      defines: ["GLIBC_2.34", "GLIBC_2.35", "GLIBC_2.36", "GLIBC_2.37", "GLIBC_2.38"],
    });
    copyFileSync(realLoader, join(root, lib, basename(realLoader)));
    const gcc = provide("gcc-14-lib", "libstdc++.so.6", {
      defines: ["GLIBCXX_3.4.33"],
      needs: ["libc.so.6:GLIBC_2.38"],
    });
    const file = await planned(program(["libc.so.6:GLIBC_2.34", "libstdc++.so.6:GLIBCXX_3.4.33"]));
    expect(file.refusal).toBeNull();
    expect(file.to("interpreter")).toBe(loaderOf(lib));
    expect(file.to("runpath")?.split(":")).toContain(gcc);
  });

  it("considers what a library's own libraries need", async () => {
    glibc(36);
    const deep = provide("deep-1", "libdeep.so.1", { needs: ["libc.so.6:GLIBC_2.40"] });
    // The newest of the package has needs that no loader can serve; the older one has none.
    provide("thing-2", "libthing.so.1", { needs: ["libdeep.so.1"], runpath: deep });
    const old = provide("thing-1", "libthing.so.1", {});
    const file = await planned(program(["libc.so.6:GLIBC_2.34", "libthing.so.1"]));
    expect(file.refusal).toBeNull();
    expect(file.to("runpath")?.split(":")).toContain(old);
  });

  it("takes a single one for everything that needs a library", async () => {
    const libc = glibc(41);
    const older = provide("gcc-13-lib", "libstdc++.so.6", { defines: ["GLIBCXX_3.4.32"] });
    const newer = provide("gcc-14-lib", "libstdc++.so.6", {
      defines: ["GLIBCXX_3.4.32", "GLIBCXX_3.4.33"],
    });
    const user = provide("user-1", "libuser.so.1", { needs: ["libstdc++.so.6:GLIBCXX_3.4.33"] });
    expect(older).not.toBe(newer);
    const file = await planned(
      program(["libc.so.6:GLIBC_2.34", "libstdc++.so.6:GLIBCXX_3.4.32", "libuser.so.1"]),
    );
    expect(file.refusal).toBeNull();
    expect(file.to("runpath")?.split(":").sort()).toEqual([libc, newer, user].sort());
  });

  it("puts a directory before another one with an outdated library", async () => {
    const libc = glibc(41);
    // What brings libapp has an old libz beside it.
    const app = provide("app-1", "libapp.so.1", {});
    build(join(root, app, "libz.so.1"), "libz.so.1", { defines: ["ZLIB_1.2"] });
    const zlib = provide("zlib-1.3", "libz.so.1", { defines: ["ZLIB_1.2", "ZLIB_1.3"] });
    const file = await planned(
      program(["libc.so.6:GLIBC_2.34", "libapp.so.1", "libz.so.1:ZLIB_1.3"]),
    );
    expect(file.refusal).toBeNull();
    const entries = file.to("runpath")?.split(":") ?? [];
    expect(entries.toSorted()).toEqual([libc, app, zlib].sort());
    expect(entries.indexOf(zlib)).toBeLessThan(entries.indexOf(app));
  });

  it("backtracks if two choices cannot be combined", async () => {
    const libc = glibc(41);
    // Only the older release of libbase still has V1, and the newer libsecond requires V2.
    const base1 = provide("base-1", "libbase.so.1", { defines: ["V1"] });
    provide("base-2", "libbase.so.1", { defines: ["V2"] });
    const first = provide("first-1", "libfirst.so.1", { needs: ["libbase.so.1:V1"] });
    provide("second-2", "libsecond.so.1", { needs: ["libbase.so.1:V2"] });
    const second = provide("second-1", "libsecond.so.1", { needs: ["libbase.so.1:V1"] });
    const file = await planned(
      program(["libc.so.6:GLIBC_2.34", "libsecond.so.1", "libfirst.so.1", "libbase.so.1"]),
    );
    expect(file.refusal).toBeNull();
    expect(file.to("rpath") ?? file.to("runpath")).toBeDefined();
    const entries = (file.to("rpath") ?? file.to("runpath") ?? "").split(":");
    expect(entries.sort()).toEqual([libc, base1, first, second].sort());
  });

  describe("a bundled library that needs the store, with a search path of its own", () => {
    const inTree = (...parts: string[]) => join(root, "opt/tree", ...parts);
    const made = () => {
      glibc(36);
      provide("gcc-14-lib", "libstdc++.so.6", {});
      build(inTree("lib/libicu.so"), "libicu.so", {
        needs: ["libstdc++.so.6"],
        runpath: "$ORIGIN",
      });
      return build(inTree("bin/program"), null, {
        needs: ["libicu.so"],
        runpath: "$ORIGIN/../lib",
      });
    };
    const fixing = fixelfCommand("fix", inTree(), { root });

    it.each([
      ["the program", [inTree("bin/program")]],
      ["its directory", [inTree("bin")]],
      ["both by themselves", [inTree("bin/program"), inTree("lib/libicu.so")]],
    ])("a refusal to fix %s names the common directory", async (_what, paths) => {
      made();
      const { files } = await plan(paths, { root, gcRoot: false, index: false });
      const refused = files.find(({ path }) => path.endsWith("/program"));
      expect(refused?.refusal?.message).toBe(
        `/opt/tree/lib/libicu.so needs libstdc++.so.6, and finds it by no search path but its own: fix both together (${fixing})`,
      );
      expect(refused?.missing).toEqual([]);
    });

    it("a refusal names the system given", async () => {
      const options = { root, system: "/run/other", gcRoot: false, index: false };
      const { files } = await plan([made()], options);
      const fix = fixelfCommand("fix", inTree(), { root, system: "/run/other" });
      expect(files[0]?.refusal?.message).toContain(`fix both together (${fix})`);
    });

    it("doctor names the common directory for the program, and for the program's own directory", async () => {
      const program = made();
      for (const path of [program, inTree("bin")]) {
        const [diagnosis] = await diagnose([path], { root, index: false });
        expect(diagnosis?.findings[0]?.remedy).toBe(fixing);
      }
    });

    it("the common directory can be fixed", async () => {
      made();
      const { files } = await plan([inTree()], { root, gcRoot: false, index: false });
      expect(files.map(({ refusal }) => refusal)).toEqual([null, null]);
    });
  });

  describe("a library for musl that lacks one which the store has for glibc", () => {
    const muslName = "libc.musl-x86_64.so.1";
    const made = () => {
      glibc(36);
      const needs = ["libc.so.6:GLIBC_2.34"];
      provide("gcc-14-lib", "libstdc++.so.6", { needs });
      return build(join(root, "opt/addon.node"), "addon.node", {
        needs: [muslName, "libstdc++.so.6"],
      });
    };

    it("doctor names musl's build of the package", async () => {
      const [diagnosis] = await diagnose([made()], { root, index: false });
      const finding = diagnosis?.findings.find(({ message }) => message.includes("libstdc++"));
      expect(finding?.evidence).toContain("no store path here provides libstdc++.so.6 for musl");
      expect(finding?.remedy).toContain("nix build nixpkgs#pkgsMusl.stdenv.cc.cc.lib)");
    });

    it("a plan refuses glibc's loader, given by the user, for that reason", async () => {
      const lib = glibc(41);
      const interpreter = loaderOf(lib);
      const asked = { root, gcRoot: false, index: false, interpreter };
      const { files } = await plan([made()], asked);
      expect(files[0]?.refusal?.message).toBe(
        `${interpreter} is glibc's loader, and the program is for musl`,
      );
    });

    it("a plan takes nothing from glibc's libraries", async () => {
      const lib = `${newPath("musl-1.2")}/lib`;
      const loader = join(root, lib, "ld-musl-x86_64.so.1");
      build(loader, "ld-musl-x86_64.so.1", {});
      copyFileSync(loader, join(root, lib, muslName));
      const { edits, missing, refusal } = await planned(made());
      expect(edits).toEqual([]);
      expect(refusal?.message).toContain("no store path provides it for musl");
      const wanted = missing.find(({ soname }) => soname === "libstdc++.so.6");
      expect(wanted?.packages[0]).toMatchObject({
        attribute: "pkgsMusl.stdenv.cc.cc",
        output: "lib",
      });
    });
  });

  describe("reports what cannot be met", () => {
    it("if no loader is new enough", async () => {
      const libc = glibc(36);
      const path = program(["libc.so.6:GLIBC_2.39"]);
      const { refusal } = await planned(path);
      expect(refusal?.message).toContain(`${loaderOf(libc)} lacks GLIBC_2.39`);
      expect(refusal?.message).toContain("/opt/program needs GLIBC_2.39, so glibc 2.39 or newer");
    });

    it("if the suitable library needs a newer glibc", async () => {
      const libc = glibc(36);
      provide("gcc-12-lib", "libstdc++.so.6", { defines: ["GLIBCXX_3.4.30"] });
      const newer = provide("gcc-14-lib", "libstdc++.so.6", {
        defines: ["GLIBCXX_3.4.30", "GLIBCXX_3.4.33"],
        needs: ["libc.so.6:GLIBC_2.38"],
      });
      const { refusal } = await planned(
        program(["libc.so.6:GLIBC_2.34", "libstdc++.so.6:GLIBCXX_3.4.33"]),
      );
      expect(refusal?.code).toBe("unsolvable");
      expect(refusal?.message).toContain(
        `${newer}/libstdc++.so.6 needs GLIBC_2.38, newer than the glibc of ${loaderOf(libc)}`,
      );
    });

    it("if no library defines the version", async () => {
      glibc(36);
      const old = provide("zlib-1.2", "libz.so.1", { defines: ["ZLIB_1.2"] });
      const { refusal } = await planned(program(["libc.so.6:GLIBC_2.34", "libz.so.1:ZLIB_1.9"]));
      expect(refusal?.message).toContain(`${old}/libz.so.1: does not define ZLIB_1.9`);
    });
  });

  it("terminates even if nothing fits together", async () => {
    glibc(36);
    // Twelve packages, each of which needs a version that none of another twelve defines.
    for (let index = 0; index < 12; index++) {
      provide(`base-${index}`, "libbase.so.1", { defines: [`V${index}`] });
      provide(`user-${index}`, "libuser.so.1", { needs: ["libbase.so.1:V99"] });
    }
    const { refusal } = await planned(
      program(["libc.so.6:GLIBC_2.34", "libuser.so.1", "libbase.so.1"]),
    );
    expect(refusal?.code).toBe("unsolvable");
    expect(refusal?.message).toContain("V99");
  });
});
