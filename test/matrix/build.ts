// Builds the program of a cell, once: results are kept by their ingredients.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cell, machines } from "./axes.js";
import { ask, demand } from "./process.js";

const sources = fileURLToPath(new URL("sources", import.meta.url));
const cache =
  process.env.FIXELF_MATRIX_CACHE ?? join(tmpdir(), `fixelf-matrix-${userInfo().username}`);

/** A built cell: a directory to copy, and the names in it. */
export interface Built {
  cell: Cell;
  directory: string;
  /** What is edited: the program itself, or the library that does its work. */
  subject: string;
  /** What is started. */
  program: string;
  /** What it prints. */
  output: string;
}

const subjectOf = (cell: Cell) => (cell.kind === "shared" ? "lib/libmiddle.so.1" : "program");

const line = "42 43 5 11 3 relocated 42 2 unwinds:1 number spare:7 touch:3\n";
const outputOf = (cell: Cell) => (cell.compiler === "rustc" ? `rust 17 34\n${line}` : line);

const building = new Map<string, Promise<Built>>();

export function build(cell: Cell): Promise<Built> {
  const key = JSON.stringify(cell);
  let built = building.get(key);
  if (built === undefined) {
    built = buildOrReuse(cell);
    building.set(key, built);
  }
  return built;
}

async function buildOrReuse(cell: Cell): Promise<Built> {
  const digest = createHash("sha256")
    .update(JSON.stringify([cell, await ingredients()]))
    .digest("hex");
  const directory = join(cache, digest.slice(0, 32));
  const built: Built = {
    cell,
    directory,
    subject: subjectOf(cell),
    program: "program",
    output: outputOf(cell),
  };
  if (existsSync(directory)) return built;
  await mkdir(cache, { recursive: true });
  const home = await mkdtemp(join(cache, "unfinished-"));
  try {
    await new Builder(cell, home).build();
    await rename(home, directory);
  } catch (failure) {
    if (!existsSync(directory)) throw failure; // otherwise another process was faster
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  return built;
}

let ingredientsOnce: Promise<string> | undefined;

/** What a build depends on besides its cell: the sources, this recipe, the compilers. */
function ingredients(): Promise<string> {
  ingredientsOnce ??= (async () => {
    const texts = readdirSync(sources).map((name) => readFileSync(join(sources, name), "utf8"));
    texts.push(readFileSync(fileURLToPath(import.meta.url), "utf8"));
    for (const [command, argument] of [
      ["gcc", "--version"],
      ["clang", "--version"],
      ["rustc", "--version"],
      ["go", "version"],
      ["ld.bfd", "--version"],
      ["ld.lld", "--version"],
      ["ld.mold", "--version"],
    ] as const)
      texts.push((await ask(command, [argument])).stdout);
    return texts.join("\0");
  })();
  return ingredientsOnce;
}

class Builder {
  private readonly triplet: string;
  private readonly debug: boolean;

  constructor(
    private readonly cell: Cell,
    private readonly home: string,
  ) {
    this.triplet = machines[cell.machine].triplet;
    this.debug = !["stripped", "no sections"].includes(cell.state);
  }

  async build() {
    await mkdir(join(this.home, "lib"));
    await mkdir(join(this.home, "linkers"));
    // GCC looks for ld.NAME in -B; it finds its own cross linkers itself.
    for (const linker of ["lld", "mold"])
      await symlink(`/usr/bin/ld.${linker}`, join(this.home, "linkers", `ld.${linker}`));
    await this.libraries();
    await this.objects();
    await this.subject();
    await this.afterwards();
    for (const leftover of ["linkers", "objects", "go"])
      await rm(join(this.home, leftover), { recursive: true, force: true });
  }

  /** The C compiler; for Rust and Go it is GCC that compiles the C and links. */
  private cc(...args: string[]): Promise<string> {
    return this.cell.compiler === "clang"
      ? demand("clang", [`--target=${this.triplet}`, "-Wno-option-ignored", ...args], {
          cwd: this.home,
        })
      : this.gcc(...args);
  }

  private gcc(...args: string[]): Promise<string> {
    return demand(`${this.triplet}-gcc`, args, { cwd: this.home });
  }

  private get compileOptions(): string[] {
    return ["-O1", "-funwind-tables", ...(this.debug ? ["-g"] : [])];
  }

  private chooseLinker(driver: "gcc" | "clang"): string[] {
    const { linker } = this.cell;
    if (driver === "gcc") return [`-B${join(this.home, "linkers")}/`, `-fuse-ld=${linker}`];
    const prefix = ["bfd", "gold"].includes(linker) ? `${this.triplet}-` : "";
    return [`--ld-path=/usr/bin/${prefix}ld.${linker}`];
  }

  /** What the cell demands of the linker, as options for a compiler driver. */
  private linkOptions(driver: "gcc" | "clang" = this.driver): string[] {
    const { relro, page, hash } = this.cell;
    const [most, common] = page.split("/").map((kibibytes) => Number(kibibytes) * 1024);
    const z = {
      relro: ["relro", "lazy"],
      now: ["relro", "now"],
      none: ["norelro", "lazy"],
    }[relro];
    return [
      ...this.chooseLinker(driver),
      ...[...z, `max-page-size=${most}`, `common-page-size=${common}`].map(
        (keyword) => `-Wl,-z,${keyword}`,
      ),
      `-Wl,--hash-style=${hash}`,
      "-Wl,--build-id",
    ];
  }

  private get driver(): "gcc" | "clang" {
    return this.cell.compiler === "clang" ? "clang" : "gcc";
  }

  private async library(name: string, source: string, ...options: string[]) {
    await this.cc(
      "-shared",
      "-fPIC",
      ...this.compileOptions,
      ...this.linkOptions(),
      `-Wl,-soname,${name}`,
      "-o",
      join("lib", name),
      join(sources, source),
      ...options,
    );
  }

  private async libraries() {
    const versions = (name: string) => `-Wl,--version-script,${join(sources, `${name}.map`)}`;
    await this.library("libnumber.so.1", "number.c", versions("number"));
    await this.library("librenamed.so.1", "number.c", versions("number"), "-DRENAMED");
    await this.library("libspare.so.1", "spare.c", versions("spare"));
    await this.library("libextra.so.1", "extra.c");
    await this.library("libstand-in.so.1", "stand-in.c");
  }

  private async objects() {
    const { kind, compiler, state } = this.cell;
    const code = { PIE: "-fPIE", "non-PIE": "-fno-pie", "static-PIE": "-fPIE", shared: "-fPIC" };
    const directory = join(this.home, "objects");
    await mkdir(directory);
    const compile = (source: string, ...options: string[]) =>
      this.cc(
        "-c",
        ...this.compileOptions,
        ...options,
        "-o",
        join(directory, source.replace(/\.c$/, ".o")),
        join(sources, source),
      );
    await compile(
      "work.c",
      code[kind],
      ...(state === "3 GiB .bss" ? ["-DLARGE"] : []),
      ...(compiler === "rustc" || compiler === "go" ? ["-DWORK=work_in_c"] : []),
    );
    await compile("main.c", code[kind]);
    await compile("maybe-spare.c", "-fPIC");
    if (kind === "static-PIE") {
      await compile("number.c", "-fPIE");
      await compile("spare.c", "-fPIE");
    }
    if (state === "3 GiB .bss") {
      // The medium model puts large objects after all small ones; elsewhere the GOT reaches them.
      const model = this.cell.machine === "x86-64" ? ["-mcmodel=medium"] : [];
      await this.gcc(
        "-c",
        "-O1",
        "-fPIC",
        ...model,
        "-o",
        join(directory, "large.o"),
        join(sources, "large.c"),
      );
    }
  }

  private object(name: string): string {
    return join(this.home, "objects", `${name}.o`);
  }

  /** The objects besides the code in the compiler's own language. */
  private get inputObjects(): string[] {
    const { kind, state } = this.cell;
    return [
      "maybe-spare",
      ...(kind === "static-PIE" ? ["number", "spare"] : []),
      ...(state === "3 GiB .bss" ? ["large"] : []),
    ].map((name) => this.object(name));
  }

  private get inputLibraries(): string[] {
    return this.cell.kind === "static-PIE"
      ? ["-Wl,--undefined=spare"] // a weak reference takes nothing from an archive
      : [
          "-Wl,--no-as-needed",
          join(this.home, "lib/libnumber.so.1"),
          join(this.home, "lib/libspare.so.1"),
        ];
  }

  private get subjectOptions(): string[] {
    const { kind, state } = this.cell;
    const origin = kind === "shared" ? "$ORIGIN" : "$ORIGIN/lib";
    return [
      ...this.linkOptions(),
      ...(kind === "static-PIE"
        ? []
        : ["-Wl,--enable-new-dtags", `-Wl,-rpath,${origin}:$ORIGIN/none`]),
      ...(kind === "shared" ? ["-Wl,-soname,libmiddle.so.1"] : []),
      ...(state === "emitted relocations" ? ["-Wl,--emit-relocs"] : []),
    ];
  }

  private async subject() {
    const { compiler, kind } = this.cell;
    if (compiler === "rustc") await this.rust();
    else if (compiler === "go") await this.go();
    else await this.c();
    if (kind === "shared") {
      await this.gcc(
        "-o",
        "program",
        this.object("main"),
        "lib/libmiddle.so.1",
        "-Wl,-rpath,$ORIGIN/lib",
        "-Wl,-rpath-link,lib",
        "-Wl,--allow-shlib-undefined",
      );
    }
  }

  private async c() {
    const { kind } = this.cell;
    const link = {
      PIE: "-pie",
      "non-PIE": "-no-pie",
      "static-PIE": "-static-pie",
      shared: "-shared",
    };
    await this.cc(
      link[kind],
      "-o",
      subjectOf(this.cell),
      ...this.subjectOptions,
      this.object("work"),
      ...(kind === "shared" ? [] : [this.object("main")]),
      ...this.inputObjects,
      ...this.inputLibraries,
    );
  }

  /**
   * Rust needs a library, and Go names its inputs twice: from an archive each object is taken once.
   */
  private async archive(): Promise<string> {
    const archive = join(this.home, "objects/libwork.a");
    await demand(`${this.triplet}-ar`, ["rcs", archive, this.object("work"), ...this.inputObjects]);
    return archive;
  }

  private async rust() {
    const { kind } = this.cell;
    const model = kind === "non-PIE" ? "static" : "pic";
    await this.archive();
    const links = [...this.subjectOptions, ...this.inputLibraries];
    await demand(
      "rustc",
      [
        ...(kind === "shared" ? ["--crate-type=cdylib", "--crate-name=middle"] : []),
        "--edition=2021",
        ...(this.cell.machine === "x86-64" ? [] : [`--target=${machines[this.cell.machine].rust}`]),
        ...(this.debug ? ["-g"] : []),
        `-Clinker=${this.triplet}-gcc`,
        `-Crelocation-model=${model}`,
        ...(kind === "static-PIE" ? ["-Ctarget-feature=+crt-static"] : []),
        `-Lnative=${join(this.home, "objects")}`,
        "-lstatic=work",
        ...links.map((option) => `-Clink-arg=${option}`),
        "-o",
        subjectOf(this.cell),
        join(sources, kind === "shared" ? "work.rs" : "main.rs"),
      ],
      { cwd: this.home },
    );
  }

  private async go() {
    const { kind, machine } = this.cell;
    const mode = { PIE: "pie", "non-PIE": "exe", "static-PIE": "pie", shared: "c-shared" }[kind];
    const directory = join(this.home, "go");
    await mkdir(directory);
    await cp(join(sources, "work.go"), join(directory, "work.go"));
    await writeFile(join(directory, "go.mod"), "module work\n\ngo 1.19\n");
    const archive = await this.archive();
    const external = [
      ...(kind === "static-PIE" ? ["-static-pie"] : []),
      // Go leaves it to the compiler, which defaults to PIE.
      ...(kind === "non-PIE" ? ["-no-pie"] : []),
      ...this.subjectOptions,
    ].map((option) => `'${option}'`);
    await demand(
      "go",
      [
        "build",
        "-buildvcs=false",
        `-buildmode=${mode}`,
        `-ldflags=${this.debug ? "" : "-w "}-linkmode=external "-extldflags=${external.join(" ")}"`,
        "-o",
        join(this.home, subjectOf(this.cell)),
        ".",
      ],
      {
        cwd: directory,
        timeout: 600_000,
        env: {
          CGO_ENABLED: "1",
          CC: `${this.triplet}-gcc`,
          // Its own part in C has to be unwound as well; for Arm, tables for that are made only on
          // request.
          CGO_CFLAGS: "-O2 -g -funwind-tables",
          CGO_LDFLAGS: [archive, ...this.inputLibraries].join(" "),
          GOARCH: machines[machine].goarch,
          GOCACHE: join(cache, "go"),
          GOFLAGS: "",
          GOTOOLCHAIN: "local",
        },
      },
    );
    await rm(join(this.home, "lib/libmiddle.so.h"), { force: true });
  }

  /** What is done to the file after it has been linked. */
  private async afterwards() {
    const subject = subjectOf(this.cell);
    const run = (command: string, ...args: string[]) => demand(command, args, { cwd: this.home });
    // GNU's tools find no room for the program headers of what lld links for some machines.
    const family = this.cell.linker === "lld" ? "llvm" : this.triplet;
    switch (this.cell.state) {
      case "stripped":
        await run(`${family}-strip`, "--strip-all", subject);
        break;
      case "no sections":
        await run("llvm-objcopy", "--strip-sections", subject);
        break;
      case "debug split":
        await run(`${family}-objcopy`, "--only-keep-debug", subject, `${subject}.debug`);
        await run(`${family}-strip`, "--strip-all", subject);
        await run(`${family}-objcopy`, `--add-gnu-debuglink=${subject}.debug`, subject);
        break;
      default:
    }
  }
}
