// `fixelf run` from outside: the program behaves as if its user had started it directly. Its loader has a path that
// does not exist on this machine.
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { planRun } from "../lib/index.js";
import { compareSonames, libraryCache } from "../lib/run/library_cache.js";
import { compile, compileWith } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { addonEnvironment, preloadStaysBehind } from "./support/preload.js";
import { commandLine, fixelf, startFixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, storePath } from "./support/store.js";

/** Prints what it sees of itself, and does what it is told. */
const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
int thing(void);
int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  char text[4096] = "";
  if (!strcmp(what, "exe")) { if (readlink("/proc/self/exe", text, 4000) < 0) return 9; puts(text); }
  if (!strcmp(what, "argv0")) puts(arguments[0]);
  if (!strcmp(what, "cwd")) puts(getcwd(text, sizeof text));
  if (!strcmp(what, "thing")) printf("%d\\n", thing());
  if (!strcmp(what, "args")) for (int at = 2; at < count; at++) { fputs(arguments[at], stdout); putchar(10); }
  if (!strcmp(what, "exit")) return atoi(arguments[2]);
  if (!strcmp(what, "die")) { raise(atoi(arguments[2])); return 8; }
  if (!strcmp(what, "wait")) { puts("waiting"); fflush(stdout); pause(); }
  if (!strcmp(what, "cat")) for (int c; (c = getchar()) != EOF;) putchar(c);
  if (!strcmp(what, "fd")) { long n = read(atoi(arguments[2]), text, 4000); if (n < 0) return errno; puts(text); }
  if (!strcmp(what, "fds")) for (int fd = 0; fd < 256; fd++) if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  if (!strcmp(what, "flags")) for (int fd = 0; fd < 3; fd++) printf("%d ", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  if (!strcmp(what, "signals")) {
    sigset_t mask;
    sigprocmask(SIG_BLOCK, 0, &mask);
    for (int number = 1; number < 32; number++) {
      struct sigaction action;
      if (number == SIGKILL || number == SIGSTOP) continue;
      sigaction(number, 0, &action);
      if (action.sa_handler != SIG_DFL || sigismember(&mask, number)) printf("%d ", number);
    }
  }
  if (!strcmp(what, "files")) { struct rlimit limit; getrlimit(RLIMIT_NOFILE, &limit); printf("%ld\\n", (long)limit.rlim_cur); }
  if (!strcmp(what, "sh")) return system(arguments[2]) != 0;
  if (!strcmp(what, "open")) puts(dlopen(arguments[2], RTLD_NOW) ? "opened" : dlerror());
  if (!strcmp(what, "payload")) {
    FILE *self = fopen("/proc/self/exe", "r");
    fseek(self, -7, SEEK_END);
    puts(fgets(text, 100, self));
  }
  return 0;
}`;

describe("run", needs("gcc"), () => {
  const directory = scratchDirectory();
  const store = join(directory, "store");
  const glibc = join(storePath("glibc-2.36", "a", store), "lib");
  const thing = join(storePath("thing-1.0", "b", store), "lib");
  const program = join(directory, "app/bin/program");
  const plugins = join(directory, "plugins");
  const plugin = join(plugins, "libplugin.so.1");
  const native = join(directory, "native");
  const starter = join(directory, "starter");
  const library = join(thing, "libthing.so.1");
  const thingSource = "int thing(void) { return 42; }";
  const pluginSource = "int thing(void); int plugin(void) { return thing(); }";
  const shared = (name: string) => ["-shared", "-fPIC", `-Wl,-soname,${name}`];
  const atLib65 = () => `-Wl,--dynamic-linker=/lib65/${basename(loader)}`;
  let loader: string;

  beforeAll(() => {
    loader = copyGlibc(glibc);
    compile(library, thingSource, ...shared("libthing.so.1"));
    compile(program, source, atLib65(), library);
    appendFileSync(program, "PAYLOAD");
    // One library that is opened by name, and one that itself needs a library from the store.
    compile(plugin, pluginSource, ...shared("libplugin.so.1"), library);
    // One as Nix builds them, and the simplest possible one.
    compile(native, `${source}${thingSource}`, `-Wl,--dynamic-linker=${loader}`);
    const starts =
      "#include <unistd.h>\nint main(int n, char **a) { execv(a[1], a + 1); return 99; }";
    compile(starter, starts, "-static");
  });

  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: directory,
    XDG_CACHE_HOME: scratchDirectory(),
    XDG_STATE_HOME: scratchDirectory(),
  };
  /** Starts a command with only these variables. */
  const only = (variables: Record<string, string> = {}) => [
    ...["env", "-i"],
    ...Object.entries({ ...environment, ...variables }).map((pair) => pair.join("=")),
  ];
  /** With options for `run`, and variables besides the usual ones. */
  const runWith = (
    options: readonly string[],
    words: readonly string[],
    variables: Record<string, string> = {},
  ) =>
    fixelf(["run", "--store", store, ...options, ...words], {
      by: only(variables),
      cwd: directory,
    });
  const run = (how: string, args: readonly string[], file = program) =>
    runWith(["--how", how], [file, ...args]);
  const says = (how: string, ...args: string[]) => {
    const { stdout, stderr, code } = run(how, args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return stdout.trimEnd();
  };
  /** Started by a shell, which can hand descriptors over. */
  const inShell = (script: string) => {
    const words = [...commandLine, "run", "--store", store, "--how", "namespace", program];
    const text = words.map((word) => `'${word}'`).join(" ");
    const env = { ...environment, ...addonEnvironment };
    const started = script.replace("RUN", text);
    return execFileSync("bash", ["-c", started], {
      encoding: "utf8",
      env,
      cwd: directory,
    }).trimEnd();
  };

  it("is needed: the kernel does not start the program", () => {
    expect(spawnSync(program).error).toMatchObject({ code: "ENOENT" });
  });

  it("prints its plan as JSON without starting anything, as the help says", () => {
    const { stdout, code } = runWith(["--json"], [program, "thing"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: "fixelf.run/1", path: program });
    const help = fixelf(["run", "--help"]).stdout.replace(/\s+/g, " ");
    expect(help).toContain("--json print how it would be run as JSON, without running it");
  });

  const all = ["namespace", "copy", "loader"];
  describe("with every method", needs("mount namespaces"), () => {
    describe.each(all)("%s", (how) => {
      it("finds the libraries", () => expect(says(how, "thing")).toBe("42"));
      it("keeps argv[0]", () => {
        expect(says(how, "argv0")).toBe(program);
        const { stdout } = run(how, ["argv0"], "app/bin/program");
        expect(stdout.trim()).toBe("app/bin/program");
      });
      it("keeps the working directory", () => expect(says(how, "cwd")).toBe(directory));
      it("passes the exit status on", () => {
        for (const status of [0, 1, 42, 255])
          expect(run(how, ["exit", String(status)]).code).toBe(status);
      });
      it("dies by the signal that the program dies by", () => {
        expect(run(how, ["die", "15"]).signal).toBe("SIGTERM");
        expect(run(how, ["die", "9"]).signal).toBe("SIGKILL");
        expect(run(how, ["die", "13"]).signal).toBe("SIGPIPE");
      });
      it("lets the program receive the signals", async () => {
        const words = ["run", "--store", store, "--how", how, program, "wait"];
        const child = startFixelf(words, { by: only() });
        const exited = once(child, "exit");
        const [said] = await once(child.stdout, "data");
        expect(String(said)).toBe("waiting\n");
        child.kill("SIGINT");
        expect(await exited).toEqual([null, "SIGINT"]);
      });
      it("passes the streams through", () => {
        const input = "line\n".repeat(50_000);
        const words = ["run", "--store", store, "--how", how, program, "cat"];
        expect(fixelf(words, { by: only(), input }).stdout).toBe(input);
      });
      it("leaves the environment of children as it was", () => {
        const shown = (text: string) =>
          text
            .split("\n")
            .filter((line) => !/^(_|PWD|OLDPWD|SHLVL)=/.test(line))
            .sort();
        const wanted = Object.entries({ ...environment, ...addonEnvironment });
        const lines = wanted.map((pair) => pair.join("="));
        expect(shown(says(how, "sh", "env"))).toEqual(lines.sort());
      });
      it("passes arguments on, including options and dashes", () => {
        expect(says(how, "args", "--how", "copy", "--", "-x", "", "ü")).toBe(
          "--how\ncopy\n--\n-x\n\nü",
        );
      });
    });
  });

  describe("in a namespace", needs("bash", "mount namespaces"), () => {
    it("runs the very file", () => expect(says("namespace", "exe")).toBe(program));
    it("lets it find its payload", () => expect(says("namespace", "payload")).toBe("PAYLOAD"));
    it("leaves nothing behind", () => {
      says("namespace", "sh", "ls /lib65");
      expect(existsSync("/lib65")).toBe(false);
      expect(existsSync("/.ld.so.cache")).toBe(false);
    });
    it("lets the program start itself again", () => {
      expect(says("namespace", "sh", `${program} thing`)).toBe("42");
    });
    it("runs the machine's own programs as usual", () => {
      expect(says("namespace", "sh", "cat /etc/hostname | wc -l; uname")).toMatch(/\d+\nLinux/);
    });
    it("drops only the first --", () => {
      expect(run("namespace", ["--", "args", "--", "a"]).stdout).toBe("--\na\n");
    });
    it("gives the program the same signals, streams and limits as a shell would", () => {
      // What a preloaded library catches (the sanitizer's does) is caught there too.
      const directly = ["--library-path", `${glibc}:${thing}`, program, "signals"];
      const env = { ...environment, ...addonEnvironment };
      expect(says("namespace", "signals")).toBe(
        execFileSync(loader, directly, { encoding: "utf8", env }).trimEnd(),
      );
      expect(inShell("RUN flags | cat").trim()).toBe("0 0 0");
      expect(inShell("ulimit -Sn 100; RUN files; true")).toBe("100");
    });
    it("passes descriptors on, but none of Node's", () => {
      writeFileSync(join(directory, "text"), "in a file");
      expect(inShell("RUN fd 7 7<text")).toBe("in a file");
      expect(inShell("RUN fd 7 7< <(echo by a pipe)")).toBe("by a pipe");
      const directly = `'${loader}' --library-path '${glibc}:${thing}' '${program}' fds 5<text`;
      const shown = inShell(`${directly}; echo; RUN fds 5<text`)
        .split("\n")
        .map((line) => line.trim());
      expect(shown[1]).toBe(shown[0]);
    });
    it("passes on arguments that are not UTF-8", () => {
      const output = inShell("RUN args $'\\xff\\xfe' | od -An -tx1");
      expect(output.trim()).toBe("ff fe 0a");
    });
    it("reports how and why with --verbose, and nothing without", () => {
      expect(runWith(["--verbose"], [program]).stderr).toMatch(/^fixelf runs it in a namespace: /);
    });
    describe("through bubblewrap", needs("bwrap"), () => {
      it("works in the same way", async () => {
        const { bubblewrapArguments } = await import("../lib/run/namespace.js");
        const { composedRoot } = await import("../lib/run/composed_root.js");
        const content = Buffer.from("in a file");
        const place = "/lib65/some/where";
        const { steps } = composedRoot([{ do: "data", content, place }]);
        const { texts, descriptors } = bubblewrapArguments(steps, 3);
        const { stdout } = spawnSync("bwrap", [...texts, "--", "cat", place], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "inherit", ...descriptors],
        });
        expect(stdout).toBe("in a file");
        expect(existsSync("/lib65")).toBe(false);
      });
    });
  });

  describe("where the kernel allows no user namespace", needs("user namespaces", "setpriv"), () => {
    it("runs a fixed copy, and reports why", () => {
      // The least privileged case: another user, in a namespace that may not have any below it.
      const inner = `echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all "$@"`;
      const by = [...only(), "unshare", "--user", "--map-root-user", "/bin/sh", "-c", inner, "sh"];
      const words = ["run", "--store", store, "--verbose", program, "thing"];
      const { stdout, stderr } = fixelf(words, { by });
      expect(stderr).toContain("fixelf runs it as a fixed copy");
      expect(stderr).toMatch(
        /not in a namespace: the kernel does not allow it: cannot enter a user namespace: .*\(ENOSPC\)/,
      );
      expect(stdout.trim()).toBe("42");
    });
  });

  describe("as a copy", () => {
    it("makes one copy for a file's content, beside links to the neighbours", () => {
      writeFileSync(join(dirname(program), "neighbour"), "");
      expect(says("copy", "thing")).toBe("42");
      const exe = says("copy", "exe");
      expect(basename(dirname(exe))).toBe("bin");
      expect(existsSync(join(dirname(exe), "neighbour"))).toBe(true);
      expect(says("copy", "exe")).toBe(exe);
    });
    it("makes another one for other content", () => {
      const other = join(dirname(program), "other");
      copyFileSync(program, other);
      const before = run("copy", ["exe"], other).stdout;
      appendFileSync(other, "more");
      expect(run("copy", ["exe"], other).stdout).not.toBe(before);
    });
  });

  describe("through the loader", () => {
    it("does not run the very file, and so does not suit a program with a payload", async () => {
      expect(says("loader", "exe")).toBe(realpathSync(loader));
      const found = await planRun(program, [], { store, how: "loader", index: false });
      expect(found.limits.join()).toContain("what the program looks for in itself is not found");
    });
    it("is not offered for an AppImage, whose mark in e_ident the loader refuses", () => {
      const marked = join(directory, "marked");
      const content = readFileSync(program);
      content.set([0x41, 0x49, 2], 8);
      writeFileSync(marked, content, { mode: 0o755 });
      const { code, stderr } = runWith(["--how", "loader"], [marked, "thing"]);
      expect(stderr).toContain("through the loader: the kernel takes its e_ident");
      expect(code).toBe(126);
      expect(runWith(["--how", "copy"], [marked, "thing"])).toMatchObject({ stdout: "42\n" });
    });
  });

  describe("what is needed besides the program itself", needs("mount namespaces"), () => {
    const opens = { code: 0, stderr: "", stdout: "opened\n" };
    it("is found by name in the directories of --lib and --with, without variables", () => {
      for (const how of ["namespace", "copy", "loader"]) {
        expect(runWith(["--how", how], [program, "open", "libplugin.so.1"]).stdout).toContain(
          "cannot open shared object file",
        );
        for (const option of ["--lib", "--with"])
          expect(
            runWith(["--how", how, option, plugins], [program, "open", "libplugin.so.1"]),
          ).toMatchObject(opens);
      }
      const { stdout } = runWith(["--lib", plugins], [program, "sh", "env"]);
      expect(stdout).not.toContain(plugins);
    });
    it("is found by a program that needs nothing, whose loader is the store's", () => {
      expect(runWith([], [native, "open", plugin]).stdout).toContain("libthing.so.1");
      expect(runWith(["--with", plugins], [native, "open", plugin])).toMatchObject(opens);
      expect(runWith(["--lib", plugins], [native, "open", "libplugin.so.1"]).stdout).toContain(
        "libthing.so.1: cannot open",
      );
      const libraries = ["--lib", plugins, "--lib", thing];
      expect(runWith(libraries, [native, "open", "libplugin.so.1"])).toMatchObject(opens);
    });
    it("runs when it is started by a program that needs nothing", () => {
      for (const first of [starter, "/bin/sh"]) {
        const words = first === starter ? [program, "thing"] : ["-c", `${program} thing`];
        expect(runWith([], [first, ...words]).code).not.toBe(0);
        expect(runWith(["--with", program], [first, ...words]).stdout).toBe("42\n");
      }
    });
    it("is found by bundled libraries with a search path of their own", () => {
      // As with ICU's libicui18n.so and libicuuc.so, which need libstdc++.so.6: RUNPATH is not inherited. libthing,
      // which the program itself finds in the store, is not found for the inner one when that is examined alone.
      const top = join(directory, "bundle");
      const own = "-Wl,--enable-new-dtags,-rpath,$ORIGIN";
      const other = compile(
        join(storePath("other-1.0", "d", store), "lib/libother.so.1"),
        "int other(void) { return 0; }",
        ...shared("libother.so.1"),
      );
      const bundled = (name: string, source: string, ...needed: string[]) =>
        compile(join(top, "lib", name), source, ...shared(name), own, ...needed);
      const inner = bundled("libplugin.so.1", pluginSource, library);
      const outer = bundled(
        "libouter.so.1",
        "int plugin(void); int other(void); int outer(void) { return plugin() + other(); }",
        ...[inner, other],
      );
      const uses = compile(
        join(top, "uses"),
        "int outer(void); int thing(void); int main(void) { return outer() != thing(); }",
        ...[atLib65(), outer, library, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib"],
        `-Wl,-rpath-link,${thing}:${dirname(other)}`,
      );
      for (const how of ["namespace", "loader"])
        expect(runWith(["--how", how], [uses])).toMatchObject({ stderr: "", code: 0 });
    });
    describe(
      "a directory with programs for glibc and for musl",
      needs("musl-gcc", "musl's loader"),
      () => {
        const [gnu, musl] = ["gnu", "musl"].map((name) => join(directory, "mixed", name)) as [
          string,
          string,
        ];
        beforeAll(() => {
          const muslLoader = "ld-musl-x86_64.so.1";
          const lib = join(storePath("musl-1.2", "e", store), "lib");
          mkdirSync(lib, { recursive: true });
          copyFileSync(`/lib/${muslLoader}`, join(lib, muslLoader));
          const says = (what: string) =>
            `#include <stdio.h>\nint main(void) { puts("${what}"); return 0; }`;
          compile(gnu, says("glibc"), atLib65());
          compileWith("musl-gcc", musl, says("musl"), `-Wl,--dynamic-linker=/lib65/${muslLoader}`);
        });
        it("is used as far as it suits the libc of the program given", () => {
          for (const [program, said] of [
            [gnu, "glibc"],
            [musl, "musl"],
          ] as const)
            expect(runWith(["--with", dirname(gnu)], [program], preloadStaysBehind)).toMatchObject({
              code: 0,
              stdout: `${said}\n`,
            });
          const { stderr } = runWith(["--with", dirname(gnu)], [gnu]);
          expect(stderr).toMatch(/^fixelf: passed over: it is for musl.*\n$/);
          expect(stderr).toContain(musl);
          expect(runWith(["--quiet", "--with", dirname(gnu)], [gnu]).stderr).toBe("");
          expect(runWith(["--with", dirname(gnu)], [starter, gnu]).stdout).toBe("glibc\n");
        });
        it("is served by env for glibc, and the others are named", () => {
          const { code, stdout, stderr } = fixelf(["env", "--store", store, dirname(gnu)], {
            by: only(),
          });
          expect(stdout).toContain(`export NIX_LD=${loader}\n`);
          expect(stderr).toContain(`${musl}: it is for musl`);
          expect(code).toBe(1);
        });
        it("is mentioned in one line if several are for the other libc", () => {
          copyFileSync(musl, join(dirname(musl), "other"));
          const ran = runWith(["--with", dirname(gnu)], [gnu], preloadStaysBehind);
          const named = fixelf(["env", "--store", store, dirname(gnu)], { by: only() });
          const line = /^fixelf: passed over: it is for musl.* \(2 files\)$/;
          for (const { stderr } of [ran, named])
            expect(stderr.split("\n").filter((each) => each.includes("it is for musl"))).toEqual([
              expect.stringMatching(line),
            ]);
        });
      },
    );
    describe("a directory with something that runs unchanged", () => {
      const folder = join(directory, "partly");
      const [fixed, needy] = ["fixed", "needy"].map((name) => join(folder, name)) as [
        string,
        string,
      ];
      beforeAll(() => {
        const own = [`-Wl,--dynamic-linker=${loader}`, `-Wl,-rpath,${thing}`];
        compile(fixed, source, ...own, library);
        compile(needy, source, atLib65(), library);
      });
      it("is served except for that", () => {
        for (const [named, ...words] of [
          [folder, fixed],
          [folder, needy],
          [folder, starter, needy],
          [folder, starter, fixed],
          [fixed, fixed],
          [fixed, needy],
          [fixed, starter, fixed],
        ] as [string, ...string[]][])
          expect(runWith(["--with", named], [...words, "thing"]), words.join(" ")).toMatchObject({
            ...{ code: 0, stdout: "42\n", stderr: "" },
          });
      });
      it("is reported by env as empty if it has no programs or libraries", () => {
        const none = join(directory, "without-programs");
        mkdirSync(none);
        const env = (path: string) => fixelf(["env", "--store", store, path], { by: only() });
        const message = "there is no program and no library below this directory";
        expect(env(none)).toMatchObject({ code: 1, stderr: `fixelf: ${none}: ${message}\n` });
        // MH_MAGIC_64, an executable for arm64.
        const machO = Buffer.from("cffaedfe0c00000100000000020000", "hex");
        writeFileSync(join(none, "mach-o"), machO);
        const { code, stdout, stderr } = env(none);
        expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
        expect(stderr).toContain(message);
        expect(stderr).not.toContain("the programs run as they are");
      });
      it("is served by env as if that were not there", () => {
        const { code, stdout, stderr } = fixelf(["env", "--store", store, folder], { by: only() });
        expect(stdout).toContain(`export NIX_LD=${loader}\n`);
        expect(stderr).toContain(`\n  ${loader} --library-path `);
        expect(stderr).toContain(needy);
        expect(stderr).not.toContain(fixed);
        expect(code).toBe(0);
      });
    });
    describe("what --with names and cannot be served", () => {
      const folder = join(directory, "unserved");
      const at = (name: string) => join(folder, name);
      beforeAll(() => {
        mkdirSync(at("modules"), { recursive: true });
        writeFileSync(at("text"), "text");
        writeFileSync(at("script"), "#!/bin/sh\n");
        // MH_MAGIC_64, an executable for arm64.
        writeFileSync(at("mach-o"), Buffer.from("cffaedfe0c00000100000000020000", "hex"));
        const foreign = readFileSync(program);
        foreign.writeUInt16LE(22, 18); // EM_S390
        writeFileSync(at("foreign"), foreign);
        const gone = compile(at("libgone.so.1"), thingSource, ...shared("libgone.so.1"));
        compile(at("modules/lacking.so"), pluginSource, "-shared", "-fPIC", gone);
        rmSync(gone);
      });
      it("is skipped, and named in one line", () => {
        const names = ["text", "script", "mach-o", "foreign", "modules", "modules/lacking.so"];
        for (const name of names)
          for (const words of [[program], [native], [starter, native]]) {
            const { code, stdout, stderr } = runWith(["--with", at(name)], [...words, "thing"]);
            const called = `${name} of ${words.map((word) => basename(word)).join(" ")}`;
            expect({ code, stdout }, `${called}: ${stderr}`).toEqual({ code: 0, stdout: "42\n" });
            expect(stderr, called).toMatch(/^fixelf: passed over: .*\n$/);
            expect(stderr, called).toContain(`(${at(name)}`);
          }
      });
      it("does not affect the rest", () => {
        const all = ["--with", folder, "--with", at("text"), "--with", plugin];
        for (const first of [program, native]) {
          const { stdout, stderr } = runWith(all, [first, "open", plugin]);
          expect(stdout, `${first}: ${stderr}`).toBe("opened\n");
          expect(stderr).toContain(`passed over: this is not an ELF file (${at("text")})\n`);
        }
        const both = ["--with", program, ...all];
        expect(runWith(both, [starter, program, "thing"]).stdout).toBe("42\n");
      });
    });
    it("is named if it is for another machine than the rest", needs("i686-linux-gnu-gcc"), () => {
      const home = join(storePath("glibc-2.36-i686", "f", store), "lib");
      const mixed = join(directory, "machines");
      const small = join(mixed, "small");
      mkdirSync(home, { recursive: true });
      for (const name of ["libc.so.6", "ld-linux.so.2"])
        copyFileSync(join("/usr/i686-linux-gnu/lib", name), join(home, name));
      compileWith(
        "i686-linux-gnu-gcc",
        small,
        '#include <stdio.h>\nint main(void) { puts("small"); return 0; }',
        "-Wl,--dynamic-linker=/lib65/ld-linux.so.2",
      );
      copyFileSync(program, join(mixed, "program"));
      for (const words of [
        [program, "thing"],
        [starter, program, "thing"],
        [native, "sh", `${program} thing`],
      ] as [string, ...string[]][]) {
        const { code, stdout, stderr } = runWith(["--with", mixed], words);
        expect({ code, stdout }).toEqual({ code: 0, stdout: "42\n" });
        expect(stderr).toMatch(
          /^fixelf: passed over: it is for i686-linux, and .* by itself \(.*\)\n$/,
        );
        expect(stderr).toContain(`(${small})`);
      }
      // On its own it is served, whatever starts it.
      expect(runWith(["--with", small], [starter, small])).toMatchObject({ stdout: "small\n" });
      expect(runWith(["--with", small], [native, "sh", small])).toMatchObject({
        stdout: "small\n",
      });
    });
    it("is not silently left out if no namespace is available", () => {
      const { code, stderr } = runWith(["--how", "copy", "--with", program], [starter, program]);
      expect(stderr).toContain("it helps only the program itself");
      expect(code).toBe(126);
    });
    it("is available in a nested namespace, and another one's as well", () => {
      const inner = (options: string, words: string) =>
        `${commandLine.join(" ")} run --verbose --store ${store} ${options} ${words}`;
      const again = runWith([], [program, "sh", inner("", `${program} thing`)]);
      expect(again.stdout).toBe("42\n");
      expect(again.stderr).toContain("all that it needs is there");
      const more = inner(`--lib ${plugins}`, `${program} open libplugin.so.1`);
      const within = runWith(["--how", "namespace"], [program, "sh", more]);
      expect(within.stderr).not.toContain("fixed copy");
    });
  });

  describe("a script", needs("mount namespaces"), () => {
    const script = join(directory, "app/bin/script.sh");
    const write = (first: string) =>
      writeFileSync(script, `${first}\nexec "$(dirname "$0")/program" thing\n`, { mode: 0o755 });
    const shell = join(storePath("shell-1.0", "c", store), "bin");
    beforeAll(() => {
      mkdirSync(shell, { recursive: true });
      copyFileSync("/bin/sh", join(shell, "onlysh"));
    });
    it("is run in the namespace by what its first line names", () => {
      write("#!/bin/sh");
      expect(runWith([], [script]).code).not.toBe(0);
      expect(runWith(["--with", "app"], [script])).toMatchObject({ code: 0, stdout: "42\n" });
      expect(runWith(["--with", "app"], ["./app/bin/script.sh"]).stdout).toBe("42\n");
    });
    it("is run by the store's program with that name if there is none in that place", () => {
      for (const first of ["#!/nowhere/onlysh -e", "#!/nowhere/env onlysh"]) {
        write(first);
        expect(runWith(["--with", "app"], [script]).stdout).toBe("42\n");
      }
      write("#!/nowhere/nothingatall");
      const { code, stderr } = runWith([], [script]);
      expect(stderr).toContain("neither PATH nor the store provides nothingatall");
      expect(code).toBe(126);
    });
    it("has to be executable itself, as for the kernel", () => {
      write("#!/bin/sh");
      chmodSync(script, 0o644);
      const { code, stderr } = runWith(["--with", "app"], [script]);
      expect(stderr).toContain("chmod +x");
      expect(code).toBe(126);
      chmodSync(script, 0o755);
    });
    it("may name a program that does not run by itself", () => {
      writeFileSync(script, `#!${program} args\n`, { mode: 0o755 });
      expect(runWith([], [script, "one"]).stdout).toBe(`${script}\none\n`);
    });
    it("is found on the PATH, and so is a program", () => {
      write("#!/bin/sh");
      const onPath = { PATH: `${dirname(script)}:${environment.PATH}` };
      expect(runWith(["--with", "app"], ["script.sh"], onPath).stdout).toBe("42\n");
      expect(runWith([], ["program", "argv0"], onPath).stdout).toBe("program\n");
    });
  });

  describe("what run creates", needs("mount namespaces"), () => {
    const loaderPlace = () => `/lib65/${basename(loader)}`;
    it("is readable for all, whatever the umask", () => {
      const asked = `stat -c %a / /lib65 ${loaderPlace()} /.fx /.fx/ld.so.cache; umask`;
      const by = [...only(), "/bin/sh", "-c", 'umask 077; exec "$@"', "sh"];
      const words = ["run", "--store", store, "--how", "namespace", program, "sh", asked];
      const { stdout } = fixelf(words, { by });
      expect(stdout.trim().split("\n")).toEqual(["755", "755", "555", "755", "444", "0077"]);
    });
    it("does not need a writable home", () => {
      const without = (home: string) => ({
        HOME: home,
        XDG_CACHE_HOME: home,
        TMPDIR: directory,
      });
      // A file instead of a directory, and one in which nothing can be created.
      for (const home of ["/dev/null/none", "/proc/none"])
        for (const how of ["namespace", "copy"])
          expect(runWith(["--how", how], [program, "thing"], without(home))).toMatchObject({
            code: 0,
            stdout: "42\n",
          });
      const nowhere = without("/proc/none");
      const [made] = readdirSync(directory).filter((name) => name.startsWith("fixelf-run-"));
      expect(made).toBeDefined();
      // One that others may write to is not trusted.
      chmodSync(join(directory, made as string), 0o777);
      const { code, stderr } = runWith(["--how", "copy"], [program, "thing"], nowhere);
      expect(stderr).toContain("set XDG_CACHE_HOME");
      expect(code).toBe(126);
    });
    it("is kept apart from a cache that others may write to", () => {
      const [shared, TMPDIR] = [scratchDirectory(), scratchDirectory()];
      mkdirSync(join(shared, "fixelf"));
      chmodSync(join(shared, "fixelf"), 0o777);
      const there = { XDG_CACHE_HOME: shared, TMPDIR };
      const { stdout } = runWith(["--how", "copy"], [program, "exe"], there);
      expect(stdout).toContain(join(TMPDIR, "fixelf-run-"));
    });
    it("is made again if it has been changed", () => {
      const copy = says("copy", "exe");
      for (const spoil of [
        () => appendFileSync(copy, "more"),
        () => chmodSync(copy, 0o600),
        () => writeFileSync(copy, "#!/bin/sh\necho planted\n"),
      ]) {
        chmodSync(copy, 0o700);
        spoil();
        expect(says("copy", "thing")).toBe("42");
        expect(says("copy", "exe")).toBe(copy);
      }
    });
    it("shows what an ordinary distribution has, with --fhs", () => {
      const system = join(directory, "system");
      mkdirSync(join(system, "bin"), { recursive: true });
      mkdirSync(join(system, "lib/locale"), { recursive: true });
      copyFileSync("/bin/sh", join(system, "bin/onlyhere"));
      writeFileSync(join(system, "lib/locale/locale-archive"), "");
      const script = "/bin/onlyhere -c 'echo ran'; ls /usr/lib/locale/locale-archive; env";
      const { stdout } = runWith(["--fhs", "--system", system], [program, "sh", script]);
      const [ran, archive, ...variables] = stdout.split("\n");
      expect([ran, archive]).toEqual(["ran", "/usr/lib/locale/locale-archive"]);
      expect(variables).toContain("LOCALE_ARCHIVE=/usr/lib/locale/locale-archive");
      expect(existsSync("/bin/onlyhere")).toBe(false);
    });
  });

  describe("a failure", () => {
    it("is reported with a shell's exit codes", () => {
      const plain = join(directory, "plain");
      copyFileSync(program, plain);
      chmodSync(plain, 0o644);
      const text = join(directory, "text");
      writeFileSync(text, "no program", { mode: 0o755 });
      symlinkSync("circle", join(directory, "circle"));
      for (const [file, code, said] of [
        [join(directory, "circle"), 126, "Too many levels of symbolic links"],
        [join(directory, "n".repeat(256)), 126, "File name too long"],
        [join(directory, "none"), 127, "there is no such file"],
        ["no-such-name-at-all", 127, "there is no such file"],
        [plain, 126, "chmod +x"],
        [text, 126, "not an ELF file"],
        [directory, 126, "this is a directory"],
        [library, 126, "it is not a program"],
      ] as const) {
        const ended = runWith([], [file]);
        expect(ended.stderr).toContain(said);
        expect([file, ended.code]).toEqual([file, code]);
      }
      expect(runWith(["--how", "none"], [program]).code).toBe(2);
    });
  });

  it("runs programs that need nothing unchanged", () => {
    const { stdout } = runWith([], ["/bin/sh", "-c", "echo $0"]);
    expect(stdout.trim()).toBe("/bin/sh");
  });

  it("has not changed the program", () => {
    expect(readFileSync(program).subarray(-7).toString()).toBe("PAYLOAD");
    expect(spawnSync(program).error).toMatchObject({ code: "ENOENT" });
  });
});

describe("a library cache", () => {
  it("is sorted like ldconfig's, in descending order", () => {
    // sysdeps: digits count as numbers and come after everything else.
    const names = ["libz.so.1", "libz.so.10", "libz.so.2", "liba.so", "lib2.so", "libA.so"];
    expect([...names].sort(compareSonames)).toEqual([
      "libA.so",
      "liba.so",
      "libz.so.1",
      "libz.so.2",
      "libz.so.10",
      "lib2.so",
    ]);
  });
  it("has one order for any names", () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "b", "1", "0", "9", ".", "-"),
      maxLength: 8,
    });
    fc.assert(
      fc.property(name, name, name, (one, two, three) => {
        expect(Math.sign(compareSonames(one, two))).toBe(-Math.sign(compareSonames(two, one)) + 0);
        if (compareSonames(one, two) <= 0 && compareSonames(two, three) <= 0)
          expect(compareSonames(one, three)).toBeLessThanOrEqual(0);
      }),
    );
  });
  describe("can be read", needs("ldconfig"), () => {
    it("by ldconfig, which prints what was put in", () => {
      const directory = scratchDirectory();
      const libraries = new Map(
        Array.from({ length: 50 }, (_, index) => [
          `lib${index}.so.${index % 7}`,
          `/store/${index}`,
        ]),
      );
      const machine = { machine: "x86-64", class: "ELF64", byteOrder: "little-endian" } as const;
      const file = join(directory, "cache");
      writeFileSync(file, libraryCache(libraries, machine));
      const printed = execFileSync("/sbin/ldconfig", ["-p", "-C", file], { encoding: "utf8" });
      for (const [soname, path] of libraries)
        expect(printed).toContain(`${soname} (libc6,x86-64) => ${path}`);
    });
  });
});
