// Scripts: how Linux reads their first line, and what doctor reports about it.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { parseEnv, parseShebang } from "../lib/file/shebang.js";
import { diagnose, type Finding, plan } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();

describe("the first line, as load_script reads it", () => {
  const parse = (text: string) => parseShebang(Buffer.from(text, "latin1"));

  it("has an interpreter and one argument", () => {
    expect(parse("#!/bin/sh\n")).toMatchObject({
      interpreter: "/bin/sh",
      argument: null,
      cut: null,
    });
    expect(parse("#! \t/bin/sh  -e  x \t\nrest")).toMatchObject({
      interpreter: "/bin/sh",
      argument: "-e  x",
    });
    expect(parse("#!/bin/sh -e")).toMatchObject({
      interpreter: "/bin/sh",
      argument: "-e",
      cut: null,
    });
    expect(parse("#!/bin/sh\0-e\n")).toMatchObject({ interpreter: "/bin/sh", argument: null });
    expect(parse("#!/bin/sh -e\0x\n")).toMatchObject({ argument: "-e" });
    expect(parse("#!/opt/\xc3\xbc/sh\n")).toMatchObject({ interpreter: "/opt/ü/sh" });
    expect(parse("#!\n")).toMatchObject({ interpreter: "" });
    expect(parse("#! ")).toMatchObject({ interpreter: "" });
  });

  it("does not exist in other files", () => {
    for (const text of ["", "#", " #!/bin/sh\n", "#/bin/sh\n", "\xef\xbb\xbf#!/bin/sh\n"])
      expect(parse(text)).toBeNull();
  });

  it("includes carriage returns", () => {
    expect(parse("#!/bin/sh\r\n")).toMatchObject({
      interpreter: "/bin/sh\r",
      carriageReturn: true,
    });
    expect(parse("#!/bin/sh -e\r\n")).toMatchObject({ argument: "-e\r", carriageReturn: true });
    expect(parse("#!/bin/sh -e\n\r\n")).toMatchObject({ carriageReturn: false });
  });

  it("has 256 bytes, the last of which does not count without a line end", () => {
    const path = (length: number) => `/${"x".repeat(length - 1)}`;
    // "#!" and a line end take three of them.
    expect(parse(`#!${path(253)}\n`)).toMatchObject({ interpreter: path(253), cut: null });
    expect(parse(`#!${path(254)}\n`)).toMatchObject({ cut: "interpreter" });
    expect(parse(`#!${path(252)} arguments`)).toMatchObject({
      interpreter: path(252),
      cut: "argument",
    });
    expect(parse(`#!/bin/sh ${"y".repeat(300)}\n`)).toMatchObject({
      interpreter: "/bin/sh",
      argument: "y".repeat(245),
      cut: "argument",
    });
  });
});

describe("a first line with env", () => {
  it.each<[string, ReturnType<typeof parseEnv>]>([
    ["python3", { split: false, before: "", program: "python3", after: "" }],
    ["python3 -u", { split: false, before: "", program: "python3 -u", after: "" }],
    ["-S python3 -u", { split: true, before: "-S ", program: "python3", after: " -u" }],
    ["-Spython3", { split: true, before: "-S", program: "python3", after: "" }],
    ["-vS perl -w", { split: true, before: "-vS ", program: "perl", after: " -w" }],
    [
      "--split-string=ruby -w",
      { split: true, before: "--split-string=", program: "ruby", after: " -w" },
    ],
    [
      "-S -i -u HOME A=1 B=2 node --flag",
      {
        split: true,
        before: "-S -i -u HOME A=1 B=2 ",
        program: "node",
        after: " --flag",
        path: null,
      },
    ],
    ["-i python3", null],
    ["A=1 python3", null],
    ['-S "py thon"', { split: true, before: "-S ", program: "py thon", after: "" }],
    ["-S a'b\\\\'c\\_d", { split: true, before: "-S ", program: "ab\\c", after: "\\_d" }],
    [`-S \${PYTHON}`, null],
    ["-S $PYTHON", null],
    ["-S --unknown python3", null],
    ["-S -u", null],
    ["-S A=1", null],
    ["-S", null],
  ])("makes env look for %s", (argument, command) => expect(parseEnv(argument)).toEqual(command));
});

describe("doctor", () => {
  const path = process.env.PATH;
  const at = (name: string) => join(directory, name);
  const write = (name: string, text: string, mode = 0o755) => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
    chmodSync(at(name), mode);
    return at(name);
  };
  const findings = async (file: string): Promise<Finding[]> => {
    const [diagnosis] = await diagnose([file]);
    return diagnosis?.findings ?? [];
  };
  const message = async (text: string) => {
    const found = await findings(write("script", text));
    for (const { code } of found) expect(code).toBe("script-interpreter-missing");
    return found[0]?.message;
  };
  const env = at("bin/env");

  beforeEach(() => {
    rmSync(at("bin"), { recursive: true, force: true });
    mkdirSync(at("bin"));
    // Any ELF program will do as one that can be run.
    for (const name of ["env", "python3"]) symlinkSync(process.execPath, at(`bin/${name}`));
    process.env.PATH = at("bin");
  });
  afterAll(() => {
    process.env.PATH = path;
  });

  it("has no complaint if everything is there", async () => {
    for (const text of [
      `#!${at("bin/python3")} -u\n`,
      `#!${env} python3\n`,
      `#!${env} -S A=1 python3 -u\n`,
      `#!${env} ${at("bin/python3")}\n`,
    ])
      expect(await message(text)).toBeUndefined();
  });

  it("names what is missing", async () => {
    expect(await message("#!/nowhere/perl -w\n")).toMatch(
      /names \/nowhere\/perl, which is not there/,
    );
    expect(await message("#!perl\n")).toMatch(/perl, which is not there; it is a relative path/);
    expect(await message(`#!${env} perl\n`)).toBe("env finds no perl");
    expect(await message(`#!${env} -S perl -w\n`)).toBe("env finds no perl");
    expect(await message(`#!${env} python3 -u\n`)).toMatch(/"python3 -u": without -S/);
    expect(await message(`#!${env} ${at("bin/perl")}\n`)).toMatch(/not there/);
  });

  it.each(["", " -i", " -S", " --"])(
    "reports that env%s starts the script itself",
    async (options) => {
      expect(await message(`#!${env}${options}\n`)).toBe(
        `its first line names no program behind ${env}, which starts the script itself, without end`,
      );
      const [{ remedy } = { remedy: "" }] = await findings(at("script"));
      expect(remedy).toBe(`Change its first line to: #!${env} PROGRAM`);
    },
  );

  it.each([
    ["A=1", "#!/usr/bin/env -S A=1 PROGRAM"],
    ["A=1 B=2", "#!/usr/bin/env -S A=1 B=2 PROGRAM"],
    ["-u A", "#!/usr/bin/env -S -u A PROGRAM"],
    ["-S A=1", `#!${env} -S A=1 PROGRAM`],
    ["-S -u A -i", `#!${env} -S -u A -i PROGRAM`],
    ["A=1 python3", "#!/usr/bin/env -S A=1 python3"],
  ])("suggests something that starts for a first line with env %s", async (argument, meant) => {
    const [found] = await findings(write("script", `#!${env} ${argument}\n`));
    expect(found?.remedy).toBe(`Change its first line to: ${meant}`);
  });

  it.each([
    [`"python3`, 'its " is never closed'],
    [`python3 'a"b`, "its ' is never closed"],
    [`python3 'a\\'`, "its ' is never closed"],
    ["python3 \\q", "it does not know \\q"],
    [`python3 "\\c"`, "it does not know \\c"],
    ["python3 a\\", "it ends in a backslash"],
    ["python3 $HOME", "it takes variables in braces only"],
    [`python3 "$(id)"`, "it takes variables in braces only"],
    [`python3 'it"s $HOME \\q' "\\$ it's" \${HOME} a#b #"`, null],
    [`python3 \\c"`, null],
  ])("agrees with env on whether it splits %s", async (words, why) => {
    const script = write("script", `#!/usr/bin/env -S ${words}\n`);
    const [found] = await findings(script);
    expect(found?.message).toBe(
      why === null ? undefined : `env does not accept "-S ${words}": ${why}`,
    );
    // env exits with 125 if it cannot do what it is told.
    const { status } = spawnSync("/usr/bin/env", [`-S ${words}`, script], { stdio: "ignore" });
    expect(status === 125).toBe(why !== null);
  });

  it.each([
    ['-S "tr"ue', true],
    ["-S 'true' # comment", true],
    ["-S nosuch\\_program", false],
    ["-S PATH=/nowhere true", false],
    ["-S PATH=/usr/bin:/bin true", true],
    ["-S A=1 PATH=/nowhere /bin/true", true],
    ["-S -i true", true],
    ["-S - true", true],
    ["-S -uPATH true", true],
    ["-S --unset=PATH nosuchprogram", false],
    ["-S --chdir=/bin ./true", true],
    ["-S -C /bin ./nosuchprogram", false],
    ["-S --ignore-env true", true],
    ["-S --ignore true", false],
    ["-S --nosuchoption true", false],
    ["-S -vZ true", false],
    ["-S -0 true", false],
    ["-S A=1 -u B true", false],
    ["-i -S true", false],
    ["-uHOME", false],
    ["--chdir=/", false],
    ["-S true\r", true],
    ["-S -v true\r", true],
    ["true\r", false],
  ])("agrees with env on whether it starts anything for %j", async (argument, starts) => {
    process.env.PATH = path;
    const script = write("script", `#!/usr/bin/env ${argument}\n`);
    // What starts itself without end has to be ended.
    const { status } = spawnSync(script, { stdio: "ignore", timeout: starts ? 20_000 : 1000 });
    expect(status === 0).toBe(starts);
    expect((await message(readFileSync(script, "utf8"))) === undefined).toBe(starts);
  });

  it("agrees with interpreters on what a comment is, and a carriage return", async () => {
    process.env.PATH = path;
    const link = at("true\r");
    rmSync(link, { force: true });
    symlinkSync("/bin/true", link);
    const meant: Record<string, string | null> = {
      "/bin/sh #comment": "Change its first line to: #!/bin/sh",
      "/bin/sh -e\r": `sed -i 's/\\r$//' ${at("script")}`,
      [link]: null,
    };
    for (const [line, remedy] of Object.entries(meant)) {
      const script = write("script", `#!${line}\n`);
      expect(spawnSync(script).status === 0).toBe(remedy === null);
      const [finding] = await findings(script);
      expect(finding?.remedy ?? null).toBe(remedy);
    }
    rmSync(link);
  });

  it("knows that Perl takes a carriage return for a blank", needs("perl"), async () => {
    process.env.PATH = path;
    const script = write("script", "#!/usr/bin/perl -w\r\nexit 0;\r\n");
    expect(spawnSync(script).status).toBe(0);
    expect(await findings(script)).toEqual([]);
  });

  it("knows that awk takes one word", async () => {
    symlinkSync(process.execPath, at("bin/awk"));
    const [finding] = await findings(write("script", `#!${at("bin/awk")} -v x=1 -f\n`));
    expect(finding?.remedy).toBe("Change its first line to: #!/usr/bin/env -S awk -v x=1 -f");
  });

  it("warns of an interpreter that is there only from here", async () => {
    process.env.PATH = path;
    const here = process.cwd();
    const script = write("script", "#!bin/python3\n");
    process.chdir(directory);
    try {
      expect(await findings(script)).toMatchObject([
        { severity: "warning", remedy: `Change its first line to: #!${at("bin/python3")}` },
      ]);
    } finally {
      process.chdir(here);
    }
  });

  it("reports quotes that are taken as part of the interpreter's name", async () => {
    for (const quote of ['"', "'"]) {
      const [found] = await findings(write("script", `#!${quote}${env}${quote} python3\n`));
      expect(found?.message).toMatch(/takes the quotes for a part of the name/);
      expect(found?.remedy).toBe(`Change its first line to: #!${env} python3`);
    }
  });

  it("reports what else is wrong with the line", async () => {
    expect(await message("#!\nx\n")).toMatch(/names no interpreter/);
    expect(await message(`#!/${"x".repeat(300)}\n`)).toMatch(/does not end within the 255 bytes/);
    expect(await message(`#!${directory}\n`)).toMatch(/is no program/);
    for (const options of ["-i python3", "-u A python3", "--ignore-environment python3"]) {
      expect(await message(`#!${env} ${options}\n`)).toMatch(/to env as one argument/);
      const [{ remedy } = { remedy: "" }] = await findings(at("script"));
      expect(remedy).toBe(`Change its first line to: #!/usr/bin/env -S ${options}`);
    }
    expect(await message(`#!${env} python3\r\n`)).toMatch(/carriage return/);
    const [finding] = await findings(at("script"));
    expect(finding?.remedy).toBe(`sed -i 's/\\r$//' ${at("script")}`);
    const [cut] = await findings(write("cut", `#!${at("bin/python3")} ${"y".repeat(300)}\n`));
    expect(cut).toMatchObject({ severity: "warning" });
  });

  it("reports why its interpreter does not start, with the remedy", needs("gcc"), async () => {
    process.env.PATH = path;
    const interpreter = compile(at("unstartable"), "int main(void) { return 0; }", "-no-pie");
    const text = `#!${interpreter}\n`;
    expect(await message(text)).toBeUndefined();
    const empty = write("empty", "");
    compile(interpreter, "int main(void) { return 0; }", `-Wl,--dynamic-linker=${empty}`);
    expect(await message(text)).toBe(
      `its interpreter ${interpreter} cannot start: its loader ${empty} is empty, so the kernel says "Input/output error"`,
    );
    const [finding] = await findings(at("script"));
    expect(finding?.remedy).toBe(`fixelf fix ${interpreter}`);
  });

  it("reports an interpreter that lacks a library", needs("gcc"), async () => {
    process.env.PATH = path;
    compile(at("libgone.so"), "int gone(void) { return 0; }", "-shared", "-fPIC");
    const main = "int gone(void); int main(void) { return gone(); }";
    const interpreter = compile(at("lacking"), main, at("libgone.so"));
    const runs = `#!${interpreter}\n`;
    expect(await message(runs)).toBeUndefined();
    rmSync(at("libgone.so"));
    expect(await message(runs)).toMatch(/lacking cannot start: .*libgone\.so/);
    for (const line of [
      interpreter,
      `/usr/bin/env ${interpreter}`,
      `/usr/bin/env -S ${interpreter}`,
    ]) {
      const script = write("script", `#!${line}\n`);
      expect(spawnSync(script).status).toBe(127);
      const [finding] = await findings(script);
      expect(finding?.remedy).toBe(`fixelf fix ${interpreter}`);
      expect((await plan([script])).files[0]?.refusal?.message).toContain(
        `; fixelf fix ${interpreter}`,
      );
    }
  });

  it("counts an interpreter that this session makes start", needs("gcc"), async () => {
    process.env.PATH = path;
    mkdirSync(at("elsewhere"));
    compile(at("elsewhere/libset.so"), "int set(void) { return 0; }", "-shared", "-fPIC");
    const main = "int set(void); int main(void) { return set(); }";
    const interpreter = compile(at("set"), main, `-L${at("elsewhere")}`, "-l:libset.so");
    const text = `#!${interpreter}\n`;
    expect(await message(text)).toMatch(/libset\.so is not found/);
    process.env.LD_LIBRARY_PATH = at("elsewhere");
    try {
      expect(await message(text)).toBeUndefined();
    } finally {
      delete process.env.LD_LIBRARY_PATH;
    }
  });

  it("reports an interpreter without execute permission", needs("gcc"), async () => {
    process.env.PATH = path;
    const interpreter = compile(at("closed"), "int main(void) { return 0; }");
    chmodSync(interpreter, 0o644);
    for (const line of [interpreter, `/usr/bin/env ${interpreter}`]) {
      const [finding] = await findings(write("script", `#!${line}\n`));
      expect(finding).toMatchObject({
        message: `its interpreter ${interpreter} cannot start: it is a program without execute permission`,
        remedy: `chmod +x ${interpreter}`,
      });
    }
    expect((await plan([at("script")])).files[0]?.refusal?.message).toContain(
      `chmod +x ${interpreter}`,
    );
    chmodSync(interpreter, 0o755);
    expect(await message(`#!${interpreter}\n`)).toBeUndefined();
  });

  it("reports an interpreter that is an object file", needs("gcc"), async () => {
    process.env.PATH = path;
    const object = compile(at("object"), "int main(void) { return 0; }", "-c");
    chmodSync(object, 0o755);
    expect(await message(`#!${object}\n`)).toBe(
      `its first line names ${object}, which is no program`,
    );
  });

  it("reports an interpreter for another machine", needs("gcc"), async () => {
    process.env.PATH = path;
    const foreign = compile(at("foreign"), "int main(void) { return 0; }");
    const bytes = readFileSync(foreign);
    bytes.writeUInt16LE(50, 18); // EM_IA_64, which qemu-user does not know
    writeFileSync(foreign, bytes);
    const [finding] = await findings(write("script", `#!${foreign}\n`));
    expect(finding?.message).toMatch(/foreign cannot start: it is for .*, and this machine is /);
    expect(finding?.remedy).toMatch(/^Get the build for /);
  });

  it("follows interpreters that are scripts themselves", async () => {
    write("bin/one", `#!${at("bin/python3")}\n`);
    for (const [name, below] of [
      ["two", "one"],
      ["three", "two"],
      ["four", "three"],
    ] as const)
      write(`bin/${name}`, `#!${at(`bin/${below}`)}\n`);
    expect(await message(`#!${at("bin/four")}\n`)).toBeUndefined();
    write("bin/five", `#!${at("bin/four")}\n`);
    expect(await message(`#!${at("bin/five")}\n`)).toMatch(/more than 5 interpreters/);
    write("bin/loop", `#!${at("bin/loop")}\n`);
    expect(await message(`#!${at("bin/loop")}\n`)).toMatch(/more than 5 interpreters/);
    write("bin/gone", "#!/nowhere/perl\n");
    const [finding] = await findings(write("script", `#!${env} gone\n`));
    expect(finding?.message).toMatch(/\/nowhere\/perl/);
    expect(finding?.evidence).toContain(`${at("bin/gone")} is a script: #!/nowhere/perl`);
    write("bin/closed", "#!/bin/sh\n", 0o644);
    expect(await message(`#!${at("bin/closed")}\n`)).toMatch(/may not be executed/);
  });

  it("examines a directory's executable scripts, and finds what they bring along", async () => {
    write("tree/bin/good", `#!${env} own\n`);
    write("tree/bin/bad", `#!${env} perl\n`);
    write("tree/lib/module.py", "#!/nowhere/python\n", 0o644);
    symlinkSync(process.execPath, at("tree/elsewhere"));
    const diagnoses = await diagnose([at("tree")]);
    expect(diagnoses.map(({ path, verdict }) => [path, verdict])).toEqual([
      [at("tree/bin/bad"), "script"],
      [at("tree/bin/good"), "script"],
    ]);
    // Nothing could fix them, and they were not named.
    expect(diagnoses.flatMap(({ findings }) => findings.map(({ severity }) => severity))).toEqual([
      "warning",
      "warning",
    ]);
    write("tree/bin/mendable", "#!/nowhere/python3\n");
    const third = (await diagnose([at("tree")])).find(({ path }) => path.endsWith("mendable"));
    expect(third?.verdict).toBe("broken");
    const { copyFileSync } = await import("node:fs");
    copyFileSync(process.execPath, at("tree/own"));
    const again = await diagnose([at("tree")]);
    expect(again.find(({ path }) => path === at("tree/bin/good"))?.findings).toEqual([]);
  });

  it("finds not-executable", async () => {
    const found = await findings(write("script", `#!${at("bin/python3")}\n`, 0o644));
    expect(found.map(({ code }) => code)).toEqual(["not-executable"]);
  });
});

it(
  "asks each store path for a program only once, however many scripts need it",
  needs("strace"),
  () => {
    const store = join(directory, "store");
    for (const letter of ["a", "b", "c"])
      mkdirSync(join(store, `${letter.repeat(32)}-package`, "bin"), { recursive: true });
    const scripts = join(directory, "scripts");
    mkdirSync(scripts);
    for (let index = 0; index < 20; index++)
      writeFileSync(join(scripts, String(index)), "#!/usr/bin/env nosuchprogram\n", {
        mode: 0o755,
      });
    const trace = join(directory, "trace");
    const by = ["strace", "-f", "-e", "trace=%file", "-o", trace];
    const { stdout } = fixelf(["doctor", scripts, "--store", store, "--no-index"], { by });
    expect(stdout).toContain("env finds no nosuchprogram");
    const asked = readFileSync(trace, "utf8").split(`-package/bin/nosuchprogram"`).length - 1;
    expect(asked).toBe(3);
  },
);
