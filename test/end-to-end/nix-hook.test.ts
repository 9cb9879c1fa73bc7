// The setup hook in real builds, as packagers of foreign programs write them; what comes out runs
// in a system without /lib64.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Facts } from "../../lib/index.js";
import { compileWith } from "../support/compile.js";
import { needs } from "../support/needs.js";
import { scratchDirectory } from "../support/scratch.js";
import { openWorld, type World } from "../world/world.js";

const support = fileURLToPath(new URL("nix", import.meta.url));

describe("a build with the setup hook", needs("test world", "gcc", "aarch64-linux-gnu-gcc"), () => {
  const foreign = scratchDirectory();
  let world: World;
  /** Store paths by name. */
  let built: Map<string, string>;
  let log: string;

  const compile = (compiler: string, output: string, source: string, ...options: string[]) =>
    compileWith(compiler, join(foreign, output), source, ...options);
  const compileAll = () => {
    const library = (name: string) =>
      compile(
        "gcc",
        name,
        "int one(void) { return 1; }",
        "-shared",
        "-fPIC",
        `-Wl,-soname,${name}`,
      );
    const nowhere = "-Wl,--dynamic-linker=/nowhere/ld.so";
    const program =
      'int one(void);\n#include <stdio.h>\nint main(void) { printf("%d\\n", one()); }';
    library("libone.so.1");
    library("libgone.so.1");
    compile("gcc", "program", program, "-g", nowhere, "libone.so.1");
    compile("gcc", "lacking", program, nowhere, "libgone.so.1");
    compile("aarch64-linux-gnu-gcc", "arm64.node", "int addon;", "-shared", "-nostdlib");
    compile(
      "gcc",
      "payload",
      `#include <stdio.h>
       int main(void) {
         char end[8] = "";
         FILE *self = fopen("/proc/self/exe", "r");
         fseek(self, -7, SEEK_END);
         fread(end, 1, 7, self);
         puts(end);
       }`,
      nowhere,
    );
    const payload = join(foreign, "payload");
    writeFileSync(payload, Buffer.concat([readFileSync(payload), Buffer.from("payload")]));
  };

  beforeAll(async () => {
    compileAll();
    world = await openWorld();
    const [cpython, node, addon] = [
      await world.copyProgram("cpython"),
      await world.copyProgram("node"),
      await world.copyProgram("utf-8-validate"),
    ];
    const libraries = Object.keys(world.store).filter((name) =>
      /^(zlib|bzip2|xz|openssl|sqlite|libffi|expat|db|gcc)-trixie$/.test(name),
    );
    const outputs = await world.shell(
      `nix-instantiate ${support}/hooked.nix --argstr foreign /tmp/foreign \\
         --argstr libc ${world.store["glibc-trixie"]} --argstr cpython ${cpython} \\
         --argstr node ${node} --argstr addon ${addon} \\
         --arg libraries '[ ${libraries.map((name) => `"${world.store[name]}"`).join(" ")} ]' \\
         >/tmp/derivations 2>/dev/null
       nix-store --realise $(cat /tmp/derivations) 2>/tmp/log || { cat /tmp/log >&2; exit 1; }`,
      { bind: { "/tmp/foreign": foreign } },
    );
    built = new Map(
      outputs.split("\n").map((path) => [path.slice("/nix/store/".length + 33), path]),
    );
    log = await world.shell("cat /tmp/log");
  });
  afterAll(async () => {
    await world?.dispose();
  });

  const at = (name: string) => {
    const path = built.get(name);
    if (path === undefined) throw new Error(`nothing is called ${name}: ${[...built.keys()]}`);
    return path;
  };
  const factsOf = async (...paths: string[]): Promise<Facts[]> => {
    const { document } = await world.fixelfJson<{ files: Facts[] }>(["inspect", ...paths]);
    return document.files;
  };
  const isAsItWas = async (path: string, file: string) => {
    const before = createHash("sha256")
      .update(readFileSync(join(foreign, file)))
      .digest("hex");
    expect(await world.shell(`sha256sum ${path}`)).toContain(before);
  };

  it.each([
    ["outputs", ["/some/dep/lib", "/some/other/dep/lib"]],
    ["structured", ["/some/dep/lib", "/some/other/dep/lib", "/some/dep with space/lib"]],
  ])("%s: patches all outputs but debug, as the derivation asks", async (name, runtime) => {
    const program = `${at(name)}/bin/program`;
    expect(await world.check([program])).toBe("1");
    const [facts] = await factsOf(program);
    const libc = `${world.store["glibc-trixie"]}/lib`;
    const found = [`${at(`${name}-lib`)}/lib`, libc];
    expect(facts?.runpath?.split(":")).toEqual([...runtime, ...found, "/driver/lib"]);
    const [library] = await factsOf(`${at(`${name}-lib`)}/lib/libone.so.1`);
    expect(library?.runpath?.split(":")).toContain("/driver/lib");
    await isAsItWas(`${at(`${name}-debug`)}/lib/debug/program.debug`, "program");
  });

  it("patches where there is no compiler, and warns that `= true` is deprecated", async () => {
    expect(await world.check([`${at("no-compiler")}/bin/program`])).toBe("1");
    expect(log).toContain("WARNING: autoPatchelfIgnoreMissingDeps = true is deprecated");
  });

  it("makes a tree that can be moved", async () => {
    await world.shell(`cp -R ${at("relative")} /tmp/moved`);
    expect(await world.check(["/tmp/moved/bin/program"])).toBe("1");
  });

  it("patches extension modules that end in zeros", async () => {
    const modules = ["_ctypes", "_sqlite3", "_ssl", "_bz2", "_lzma"];
    const script = `import ${modules.join(", ")}; print(_sqlite3.__file__)`;
    const said = await world.check([`${at("wheel")}/usr/bin/python3.11`, "-I", "-c", script]);
    expect(said).toContain(`${at("wheel")}/usr/lib/python3.11/lib-dynload/_sqlite3`);
  });

  it("patches an addon, and leaves those for musl and for another machine as they are", async () => {
    const addon = `${at("npm")}/node_modules/utf-8-validate`;
    const script = `console.log(require("${addon}")(Buffer.from("fine")))`;
    expect(await world.check([`${at("npm")}/bin/node`, "-e", script])).toBe("true");
    const [gnu] = await factsOf(`${addon}/prebuilds/linux-x64/utf-8-validate.node`);
    expect(gnu?.runpath).toContain("/nix/store/");
    const musl = "prebuilds/linux-x64/utf-8-validate.musl.node";
    await world.shell(`cmp ${addon}/${musl} /home/user/utf-8-validate/${musl}`);
    await isAsItWas(`${addon}/prebuilds/linux-arm64/arm64.node`, "arm64.node");
  });

  it("keeps a payload at the end of its file", async () => {
    expect(await world.check([`${at("payload")}/bin/payload`])).toBe("payload");
  });

  it("handles names with blanks, two names for one file, and lists given as words", async () => {
    const programs = ["one", "two", "lacking"].map((name) => `${at("odd")}/a program/bin/${name}`);
    const [one, two, lacking] = await factsOf(...programs);
    const libraries = `${at("odd")}/the libraries/deeper`;
    const libc = `${world.store["glibc-trixie"]}/lib`;
    expect(one?.runpath).toBe([libraries, libc, "/one/lib", "/two/lib"].join(":"));
    expect(lacking?.runpath).toBe([libc, "/one/lib", "/two/lib"].join(":"));
    expect({ ...two, path: one?.path }).toEqual(one);
    expect(await world.check([programs[1] as string])).toBe("1");
    const same = `[ "${programs[0]}" -ef "${programs[1]}" ] && readlink ${at("odd")}/outside`;
    expect(await world.shell(same)).toMatch(/\/program$/);
  });

  it("has functions for custom phases, which do not recurse if told so", async () => {
    const [patched] = await factsOf(`${at("shallow")}/bin/program`);
    expect(patched?.interpreter).toContain(world.store["glibc-trixie"]);
    await isAsItWas(`${at("shallow")}/bin/deeper/program`, "program");
    expect(log).toContain("there is no option --unknown");
  });

  it("patches nothing if the derivation turns it off", async () => {
    await isAsItWas(`${at("unpatched")}/bin/program`, "program");
  });

  it("comes with a command that knows its bintools without a hook", async () => {
    expect(await world.check([`${at("command")}/bin/program`])).toBe("1");
  });
});
