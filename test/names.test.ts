// Names are bytes: one concept, checked in the encoding, in every command, and in every format.

import { isUtf8 } from "node:buffer";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { bufferOf, bytesOf, isPlain, isUnicode, spelledOut, textOf } from "../lib/base/bytes.js";
import * as disk from "../lib/base/disk.js";
import { scriptWord, shellWord } from "../lib/base/shell.js";
import { csvCell, jsonText, printable } from "../lib/report/text.js";
import { needs } from "./support/needs.js";
import { oddBytes, oddText } from "./support/odd-names.js";
import { commandLine } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, storePath } from "./support/store.js";

const name = oddText.map((all) => Buffer.concat([Buffer.from("/"), all]));

describe("the bytes of a name", () => {
  it("come back from its text, whatever they are", () => {
    fc.assert(
      fc.property(oddBytes, (all) => {
        expect(bytesOf(textOf(all))).toEqual(all);
      }),
    );
  });
  it("have the same text in the core", () => {
    fc.assert(
      fc.property(name, (all) => {
        // A round trip: in as an argument, out as a result.
        expect(native.expandOrigin("$ORIGIN", textOf(all))).toBe(textOf(all));
      }),
    );
  });
  it("are ordinary text if they are UTF-8", () => {
    fc.assert(
      fc.property(
        oddBytes.filter((all) => isUtf8(all)),
        (all) => {
          expect(textOf(all)).toBe(all.toString());
        },
      ),
    );
    expect(textOf(Buffer.of(0x64, 0xe9))).toBe("d\udce9");
  });
  it("are spelled out so that they can be read back, and no two look the same", () => {
    const read = (text: string) =>
      Buffer.concat(
        text
          .split(/\\x(5c|[89a-f][0-9a-f])/)
          .map((part, index) => Buffer.from(part, index % 2 === 0 ? "utf8" : "hex")),
      );
    fc.assert(
      fc.property(oddBytes, (all) => {
        const text = spelledOut(textOf(all));
        expect(isUnicode(text)).toBe(true);
        expect(read(text).equals(all)).toBe(true);
        expect(isPlain(textOf(all))).toBe(text === textOf(all));
      }),
    );
    expect(spelledOut("d\udce9 \\xe9 \\x2d")).toBe("d\\xe9 \\x5cxe9 \\x2d");
  });
  it("are quoted for a shell as words that mean them", needs("bash"), () => {
    const names = ["d\udce9", "it's \udce9\\", "a\u001b[2J\n\u202e", "é b", "$x", "plain"];
    // A name may contain what a byte is spelled out as.
    names.push("\\xe9", "it's \\x5c\\xff\\n");
    for (const quoted of [shellWord, scriptWord]) {
      const script = `printf '%s\\0' ${names.map(quoted).join(" ")}`;
      const said = textOf(execFileSync("bash", { input: bufferOf(script) }));
      expect(said.split("\0").slice(0, -1)).toEqual(names);
    }
    // Names that can be shown can be typed.
    for (const each of names) expect(printable(shellWord(each))).toBe(shellWord(each));
  });
});

describe("a name that is not UTF-8", () => {
  it("is given with its bytes in JSON", () => {
    const value = {
      path: "/d\udce9",
      needed: ["a", "\udcff"],
      inner: [{ soname: "\\xe9" }],
      n: 1n,
    };
    expect(JSON.parse(jsonText(value))).toEqual({
      path: "/d\\xe9",
      pathBytes: Buffer.of(0x2f, 0x64, 0xe9).toString("base64"),
      needed: ["a", "\\xff"],
      neededBytes: [null, "/w=="],
      inner: [{ soname: "\\x5cxe9", sonameBytes: Buffer.from("\\xe9").toString("base64") }],
      n: "0x1",
    });
    expect(jsonText({ path: "/é", text: "\\x2d" })).toBe('{"path":"/é","text":"\\\\x2d"}');
  });
  it("is spelled out in a table cell and on a terminal", () => {
    expect([csvCell("d\udce9"), printable("d\udce9")]).toEqual(["d\\xe9", "d\\xe9"]);
  });

  it("is passed to node:fs and returned by it as bytes", () => {
    const directory = join(scratchDirectory(), "d\udce9");
    disk.mkdirSync(directory);
    const file = join(directory, "\udcff");
    disk.openSync(file, "w");
    disk.rmSync(`${file}x`, { force: true });
    expect(disk.readdirSync(directory)).toEqual(["\udcff"]);
    expect(disk.readdirSync(directory, { withFileTypes: true })[0]?.name).toBe("\udcff");
    expect(disk.realpathSync(file)).toBe(file);
    expect(disk.existsSync(Buffer.concat([bufferOf(directory), Buffer.of(0x2f, 0xff)]))).toBe(true);
    expect(() => disk.statSync(`${file}x`)).toThrow(
      expect.objectContaining({
        code: "ENOENT",
        path: `${file}x`,
        message: expect.stringContaining(`${file}x`),
      }),
    );
  });
  it("is also so passed and returned when the result is awaited", async () => {
    const directory = join(scratchDirectory(), "d\udce9");
    await disk.mkdir(directory);
    await disk.writeFile(join(directory, "text\udce9"), "of \udce9");
    await disk.symlink("\udcff", join(directory, "link"));
    expect((await disk.readdir(directory)).sort()).toEqual(["link", "text\udce9"]);
    expect(await disk.readlink(join(directory, "link"))).toBe("\udcff");
    expect(await disk.readFile(join(directory, "text\udce9"), "utf8")).toBe("of \udce9");
    expect(await disk.readFile(join(directory, "text\udce9"))).toEqual(bufferOf("of \udce9"));
    await expect(disk.stat(`${directory}x`)).rejects.toMatchObject({ path: `${directory}x` });
  });
});

/** Replaces an existing file by another one, since some are running. */
function write(path: string, content: string | Buffer, mode = 0o644): void {
  disk.rmSync(path, { force: true });
  writeFileSync(bufferOf(path), typeof content === "string" ? bufferOf(content) : content, {
    mode,
  });
}

describe("with a name that is not UTF-8", needs("gcc", "bash"), () => {
  const scratch = scratchDirectory();
  const at = (name: string) => join(scratch, name);
  const store = at("store\udce9");
  const glibc = `${storePath("glibc-2.36", "a", store)}/lib`;
  const thing = `${storePath("thing-1.0", "b", store)}/lib`;
  const library = join(thing, "libthing\udce9.so.1");
  /** A tree with a library of its own. */
  const app = at("app\udce9");
  const program = join(app, "bin/program\udce9");
  const own = join(app, "lib/libown\udce9.so.1");
  /** On its own it needs only the store. */
  const alone = at("alone\udce9");
  let originals: Buffer[];
  let loader: string;

  const state = ["XDG_STATE_HOME", "XDG_CACHE_HOME"].map(
    (name) => `${name}=${at(`${name}\udce9`)}`,
  );

  /** Node could not pass such words on, but a shell can. */
  const run = (words: readonly string[], cwd = scratch) => {
    const script = `cd ${scriptWord(cwd)} && exec env ${[...state, ...words].map(scriptWord).join(" ")}`;
    let code = 0;
    let stdout: Buffer;
    try {
      stdout = execFileSync("bash", { input: bufferOf(script), stdio: ["pipe", "pipe", "pipe"] });
    } catch (failure) {
      const ended = failure as { status: number; stdout: Buffer; stderr: Buffer };
      code = ended.status;
      stdout = Buffer.concat([ended.stdout, ended.stderr]);
    }
    return { code, said: textOf(stdout) };
  };
  const places = ["--store", store, "--system", at("none")];
  const fixelf = (command: string, ...words: string[]) =>
    run([...commandLine, ...command.split(" "), ...words]);
  const json = (command: string, ...words: string[]) =>
    JSON.parse(fixelf(command, "--json", ...places, ...words).said);
  const gcc = (output: string, source: string, ...words: string[]) => {
    disk.mkdirSync(dirname(output), { recursive: true });
    const file = at("source.c");
    write(file, source);
    expect(run(["gcc", "-o", output, file, ...words])).toEqual({ code: 0, said: "" });
  };
  const restore = () => {
    for (const [index, path] of [program, own, alone].entries())
      write(path, originals[index] as Buffer, 0o755);
  };
  const shown = (path: string) => ({
    path: spelledOut(path),
    pathBytes: bufferOf(path).toString("base64"),
  });

  beforeAll(() => {
    const made = copyGlibc(at("glibc"));
    disk.mkdirSync(dirname(glibc), { recursive: true });
    disk.renameSync(at("glibc"), glibc);
    loader = join(glibc, basename(made));
    const shared = ["-shared", "-fPIC"];
    gcc(library, "int thing(void) { return 40; }", ...shared, `-Wl,-soname,${basename(library)}`);
    gcc(
      own,
      "int thing(void); int own(void) { return thing() + 2; }",
      ...shared,
      library,
      `-Wl,-soname,${basename(own)}`,
    );
    const main = (call: string) =>
      `#include <stdio.h>\nint ${call}(void); int main(int n, char **v) { printf("%d %s\\n", ${call}(), n > 1 ? v[1] : ""); }`;
    const interpreter = "-Wl,-I,/nowhere\udce9/ld.so";
    gcc(program, main("own"), own, interpreter, `-Wl,-rpath-link,${thing}`);
    gcc(alone, main("thing"), library, interpreter);
    originals = [program, own, alone].map((path) => disk.readFileSync(path));
  });

  it("doctor reports all files, each by its bytes", () => {
    const { files } = json("doctor --no-index", app, alone);
    expect(files).toMatchObject([
      { ...shown(program), verdict: "broken" },
      { ...shown(own), verdict: "broken" },
      { ...shown(alone), verdict: "broken" },
    ]);
    const [finding] = files[2].findings;
    expect(finding.code).toBe("interpreter-missing");
    // The remedy works as printed.
    expect(finding.remedy).toContain(shellWord(alone));
    expect(finding.remedy).not.toMatch(/[^ -~]/);
  });

  it("fix writes the bytes, the program starts, and undo restores each byte", () => {
    const fixed = json("fix --no-gc-root --no-index", app);
    expect(fixed.files).toMatchObject([
      { ...shown(program), outcome: "fixed", verified: true },
      { ...shown(own), outcome: "fixed", verified: true },
    ]);
    expect(run([program, "argument\udce9"])).toEqual({ code: 0, said: "42 argument\udce9\n" });
    expect(disk.readFileSync(program).includes(bufferOf(`${loader}\0`))).toBe(true);
    expect(disk.readFileSync(own).includes(bufferOf(`${thing}\0`))).toBe(true);
    expect(json("fix --no-gc-root --no-index", app).files).toMatchObject([
      { outcome: "unchanged" },
      { outcome: "unchanged" },
    ]);
    expect(json("tree", program).libraries).toContainEqual(
      expect.objectContaining({ soname: spelledOut(basename(library)), ...shown(library) }),
    );
    expect(fixelf("closure", ...places, program).said).toContain(spelledOut(dirname(thing)));
    const { paths } = json("refs", app);
    expect(JSON.stringify(paths)).toContain(shown(dirname(thing)).pathBytes.slice(0, -4));
    // Relative to a working directory with such a name.
    const here = run(
      [...commandLine, "doctor", "--no-index", ...places, basename(program)],
      dirname(program),
    );
    expect(here).toMatchObject({
      code: 0,
      said: expect.stringMatching(/^healthy {2}program\\xe9\n/),
    });
    expect(fixelf("undo", app).code).toBe(0);
    expect(disk.readFileSync(program).equals(originals[0] as Buffer)).toBe(true);
    expect(disk.readFileSync(own).equals(originals[1] as Buffer)).toBe(true);
  });

  it("find gives the same answers from the index as from the store", () => {
    // Nix's own mark for finished paths.
    for (const path of [dirname(glibc), dirname(thing)]) disk.utimesSync(path, 1, 1);
    expect(fixelf("index", ...places).code).toBe(0);
    const asked = () =>
      [[], ["--no-index"]].map((words) => json("find", ...words, basename(library)));
    const [indexed, looked] = asked();
    expect(indexed).toEqual(looked);
    expect(indexed.sonames).toMatchObject([
      { soname: spelledOut(basename(library)), providers: [shown(library)] },
    ]);
    expect(json("loaders").loaders).toMatchObject([shown(loader)]);
  });

  it.each(["namespace", "copy", "loader"])("run starts the program: %s", (how) => {
    const words = ["--how", how, "--quiet", ...places, alone, "argument\udce9"];
    expect(fixelf("run --no-index", ...words)).toEqual({ code: 0, said: "40 argument\udce9\n" });
  });

  it("env prints what a shell can read", () => {
    const said = fixelf("env --no-index", ...places, alone).said;
    const script = bufferOf(
      `${said}\nexec "$NIX_LD" --library-path "$NIX_LD_LIBRARY_PATH" ${scriptWord(alone)} x`,
    );
    expect(execFileSync("bash", { input: script }).toString()).toBe("40 x\n");
  });

  it("patchelf and auto-patchelf write the bytes", () => {
    fixelf(
      "patchelf",
      "--set-rpath",
      "/r\udce9",
      "--replace-needed",
      basename(library),
      "\udcff.so",
      alone,
    );
    expect(fixelf("patchelf --print-rpath", alone).said).toBe("/r\udce9\n");
    expect(fixelf("patchelf --print-needed", alone).said).toMatch(/^\udcff\.so\n/);
    restore();
    const support = at("bintools\udce9/nix-support");
    disk.mkdirSync(support, { recursive: true });
    write(join(support, "dynamic-linker"), `${loader}\n`);
    write(join(support, "orig-libc"), `${dirname(glibc)}\n`);
    const words = ["auto-patchelf", "--paths", app, "--libs", thing];
    const patched = run([`NIX_BINTOOLS=${dirname(support)}`, ...commandLine, ...words]);
    expect(patched).toMatchObject({ code: 0 });
    expect(fixelf("patchelf --print-interpreter", program).said).toBe(`${loader}\n`);
    expect(fixelf("patchelf --print-rpath", own).said).toContain(thing);
    restore();
  });

  it("fix fixes a script whose interpreter has such a name", () => {
    const script = join(app, "bin/script\udce9");
    const text = `#!/nowhere\udce9/${basename(program)} -u\n`;
    write(script, text, 0o755);
    expect(fixelf("fix --no-gc-root --no-index", ...places, app).code).toBe(0);
    expect(textOf(disk.readFileSync(script))).toBe(`#!${program} -u\n`);
    expect(run([script])).toEqual({ code: 0, said: "42 -u\n" });
    disk.rmSync(script);
    restore();
  });

  it("watch fixes what arrives", async () => {
    const inbox = at("inbox\udce9");
    disk.mkdirSync(inbox);
    const words = [
      ...commandLine,
      "watch",
      "--json",
      "--no-gc-root",
      "--no-index",
      ...places,
      inbox,
    ];
    const watching = spawn("bash", ["-s"], { stdio: ["pipe", "pipe", "pipe"] });
    const ended = once(watching, "exit");
    watching.stdin.end(bufferOf(`exec env ${[...state, ...words].map(scriptWord).join(" ")}`));
    const arrived = join(inbox, basename(alone));
    try {
      const [first] = await once(watching.stderr, "data"); // it has begun
      expect(String(first)).toContain("inbox\\xe9");
      run(["cp", alone, arrived]);
      while (!disk.readFileSync(arrived).includes(bufferOf(`${loader}\0`))) await sleep(20);
    } finally {
      watching.kill();
      await ended;
    }
    expect(run([arrived])).toEqual({ code: 0, said: "40 \n" });
  });

  it("scan gives each file a distinct path, in every format", async () => {
    const names = ["\udce9", "\udce8", "\\xe9", "\\x5cxe9", "é", "\ufffd"];
    const tree = at("tree\udce9");
    disk.mkdirSync(tree);
    for (const each of names) run(["cp", alone, join(tree, each)]);
    const paths = names.map((each) => join(tree, each)).sort();
    const spelled = paths.map(spelledOut).sort();
    expect(new Set(spelled).size).toBe(names.length);
    const output = (format: string) => {
      const file = at(`scan\udce9.${format}`);
      expect(fixelf("scan --format", format, "--output", file, tree)).toEqual({
        code: 0,
        said: "",
      });
      return disk.readFileSync(file);
    };
    const rows = output("ndjson")
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map(({ path }) => path).sort()).toEqual(spelled);
    expect(
      rows
        .map(({ path, pathBytes }) =>
          textOf(pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, "base64")),
        )
        .sort(),
    ).toEqual(paths);
    expect(rows[0]).toMatchObject({ needed: [spelledOut(basename(library)), "libc.so.6"] });
    const cells = output("csv").toString().trim().split("\r\n").slice(1);
    expect(cells.map((line) => line.split(",", 1)[0]).sort()).toEqual(spelled);
    const arrow = tableFromIPC(output("arrow"));
    expect([...(arrow.getChild("path") ?? [])].sort()).toEqual(spelled);
    expect(arrow.getChild("needed")?.get(0)?.get(0)).toBe(spelledOut(basename(library)));
    const file = output("parquet");
    const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
    const read = await parquetReadObjects({ file: buffer as ArrayBuffer });
    expect(read.map(({ path }) => path).sort()).toEqual(spelled);
    expect(read[0]?.needed).toEqual([spelledOut(basename(library)), "libc.so.6"]);
  });
});
