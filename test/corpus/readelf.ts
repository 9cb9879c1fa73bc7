// readelf (GNU binutils) and eu-readelf (elfutils). Their output is nearly the same.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Said, SaidNote, Tool } from "./said.js";

const common = ["--file-header", "--section-headers", "--program-headers", "--dynamic"];

export const readelf = toolOf("readelf", ["--wide", ...common, "--version-info", "--notes"]);
export const euReadelf = toolOf("eu-readelf", [...common, "--version-info", "--notes"]);

function toolOf(command: string, options: readonly string[]): Tool {
  return async (paths) => {
    // At least two names, or it does not tell which file it means.
    const { stdout } = await promisify(execFile)(command, [...options, "/dev/null", ...paths], {
      encoding: "latin1",
      env: { ...process.env, LC_ALL: "C" },
      maxBuffer: 2 ** 30,
    }).catch((failure: { stdout: string }) => failure); // it objects to some file, and goes on
    const said = new Map<string, Said | null>(paths.map((path) => [path, null]));
    let reader: Reader | undefined;
    for (const line of stdout.split("\n")) {
      const path = /^(?:File: )?(\/.*?):?$/.exec(line)?.[1];
      if (path !== undefined && said.has(path)) {
        reader = new Reader();
        said.set(path, reader.said);
      } else reader?.take(line);
    }
    return said;
  };
}

class Reader {
  readonly said: Said = {
    ident: "",
    machine: "",
    type: "",
    entry: 0n,
    programHeaders: { offset: 0, size: 0, count: 0 },
    sectionHeaders: { offset: 0, size: 0, count: 0 },
    segments: [],
    sections: [],
    interpreter: null,
    dynamic: [],
    versionsNeeded: [],
    versionsDefined: [],
    notes: [],
  };
  /** What the lines are about. */
  #part: "header" | "sections" | "segments" | "dynamic" | "versions" | "notes" = "header";
  #container = 0;

  take(line: string): void {
    if (this.#begins(line)) return;
    if (this.#part === "header") this.#header(line);
    else if (this.#part === "sections") this.#section(line);
    else if (this.#part === "segments") this.#segment(line);
    else if (this.#part === "dynamic") this.#dynamic(line);
    else if (this.#part === "versions") this.#version(line);
    else this.#notes(line);
  }

  #begins(line: string): boolean {
    if (line === "Section Headers:") this.#part = "sections";
    else if (line === "Program Headers:") this.#part = "segments";
    else if (/^Dynamic (?:section at|segment contains)/.test(line)) this.#part = "dynamic";
    else if (/^Version (?:symbols|needs|definition) section/.test(line)) this.#part = "versions";
    else {
      const [, name, offset] =
        /^Displaying notes found (?:in: (.*)|at file offset (0x[0-9a-f]+) .*)$/.exec(line) ?? [];
      const [, elsewhere] =
        /^Note (?:section|segment) .* at offset (0x[0-9a-f]+):$/.exec(line) ?? [];
      if (name === undefined && offset === undefined && elsewhere === undefined) return false;
      this.#part = "notes";
      this.#container = name === undefined ? Number(offset ?? elsewhere) : this.#nextNotes(name);
    }
    return true;
  }

  /** readelf names the section; sections with the same name come in their order. */
  #nextNotes(name: string): number {
    const same = this.#named.get(name) ?? [];
    return same.shift() ?? -1;
  }
  readonly #named = new Map<string, number[]>();

  #header(line: string): void {
    const { said } = this;
    const [, name, value = ""] = /^ {2}([^:]+): *(.*?) *$/.exec(line) ?? [];
    if (name === "Magic") said.ident = value.replaceAll(" ", "");
    else if (name === "Type") said.type = value.split(" ")[0] as string;
    else if (name === "Machine") said.machine = value;
    else if (name === "Entry point address") said.entry = BigInt(value);
    else if (name !== undefined) {
      // "0 (70000)": the first section header says how many there are.
      const number = Number.parseInt(/^0 \((\d+)\)/.exec(value)?.[1] ?? value, 10);
      const [, what, kind] =
        /^(Start|Size|Number) of (program|section) header(?:s| entries| entry|s entries)?$/.exec(
          name,
        ) ?? [];
      const table = kind === "program" ? said.programHeaders : said.sectionHeaders;
      if (what === "Start") table.offset = number;
      else if (what === "Size") table.size = number;
      else if (what === "Number") table.count = number;
    }
  }

  #section(line: string): void {
    const match =
      /^ *\[ *\d+\] (.*?) +(\S+) +[0-9a-f]{8,16} ([0-9a-f]{6,16}) ([0-9a-f]{6,16}) +[0-9a-f]+ +([^ \d]*) *\d+ +\d+ +\d+$/.exec(
        line,
      );
    if (match === null) return;
    const [, name, type, offset, size, flags] = match as unknown as [string, string, string, string, string, string]; // biome-ignore format: one list
    const section = {
      type,
      offset: Number.parseInt(offset, 16),
      size: Number.parseInt(size, 16),
      allocated: flags.includes("A"),
      executable: flags.includes("X"),
    };
    this.said.sections.push(section);
    if (type === "NOTE") {
      const same = this.#named.get(name) ?? [];
      this.#named.set(name, [...same, section.offset]);
    }
  }

  #segment(line: string): void {
    const interpreter = /\[Requesting program interpreter: (.*)\]$/.exec(line)?.[1];
    if (interpreter !== undefined) this.said.interpreter = interpreter;
    const match =
      /^ {2}(\S.*?) +0x([0-9a-f]+) 0x[0-9a-f]+ 0x[0-9a-f]+ 0x([0-9a-f]+) 0x([0-9a-f]+) (.{3}) 0x[0-9a-f]+$/.exec(
        line,
      );
    if (match === null) return;
    const [, type, offset, fileSize, memorySize, flags] = match as unknown as [string, string, string, string, string, string]; // biome-ignore format: one list
    this.said.segments.push({
      type,
      offset: Number.parseInt(offset, 16),
      fileSize: Number.parseInt(fileSize, 16),
      memorySize: Number.parseInt(memorySize, 16),
      executable: flags.includes("E"),
    });
  }

  #dynamic(line: string): void {
    const [, tag, rest = ""] =
      /^ (?:0x[0-9a-f]+ \((.*?)\)| ([A-Z][A-Z0-9_]*)) *(.*?) *$/.exec(line)?.filter((part) => part !== undefined) ?? []; // biome-ignore format: one list
    if (tag === undefined) return;
    this.said.dynamic.push({ tag, value: /: \[(.*)\]$/.exec(rest)?.[1] ?? rest });
  }

  #version(line: string): void {
    const { said } = this;
    const library = /^ {2}[0-9a-fx]+: Version: 1 {2}File: (.*) {2}Cnt: \d+$/.exec(line)?.[1];
    if (library !== undefined) said.versionsNeeded.push({ library, versions: [] });
    const [, name, flags] =
      /^ {2}[0-9a-fx]+: +Name: (.*?) {2}Flags: (.*?) {2}Version: \d+$/.exec(line) ?? [];
    if (name !== undefined)
      said.versionsNeeded.at(-1)?.versions.push({ name, weak: flags?.includes("WEAK") ?? false });
    const [, kind, defined] =
      /^ {2}[0-9a-fx]+: (?:Rev|Version): 1 {2}Flags: (.*?) {2}Index: \d+ {2}Cnt: \d+ {2}Name: (.*)$/.exec(line) ?? []; // biome-ignore format: one list
    if (defined !== undefined && !kind?.includes("BASE")) said.versionsDefined.push(defined);
  }

  #notes(line: string): void {
    const { notes } = this.said;
    const add = (kind: string, value: SaidNote["value"] = null) =>
      notes.push({ container: this.#container, kind, value });
    const [, owner, type = ""] = /^ {2}(\S+) +(?:0x)?[0-9a-f]+\s+(.*)$/.exec(line) ?? [];
    if (owner === "NixOS") add(owner);
    // Neither tool has a name for it yet, and neither shows its text.
    if (owner === "FDO" && /407c0c0a|1081871370|DLOPEN/i.test(type)) add(owner);
    // eu-readelf decodes it for some machines only.
    if (owner === "GNU" && type.includes("ABI_TAG")) add("GNU_ABI_TAG");
    const [, system, abi] = /OS: (\S+), ABI: (\d+\.\d+\.\d+)$/.exec(line) ?? [];
    const last = notes.at(-1);
    if (system !== undefined && last !== undefined) last.value = `${system.toLowerCase()} ${abi}`;
    const build = /Build ID: ([0-9a-f]*)$/.exec(line)?.[1];
    if (build !== undefined) add("GNU_BUILD_ID", build);
    // readelf names the bits, eu-readelf shows the bytes.
    const names = /x86 ISA needed: (.*?)(?:, x86 .*|, <.*)?$/.exec(line)?.[1];
    if (names !== undefined) add("X86_ISA_1_NEEDED", bitsOf(names));
    const bytes = /X86 0xc0008002 data: (.*)$/.exec(line)?.[1];
    if (bytes !== undefined)
      add("X86_ISA_1_NEEDED", Number(`0x${bytes.trim().split(" ").toReversed().join("")}`));
  }
}

const levels = ["x86-64-baseline", "x86-64-v2", "x86-64-v3", "x86-64-v4"];

function bitsOf(names: string): number | null {
  if (names === "<None>") return 0;
  let bits = 0;
  for (const name of names.split(", ")) {
    const bit = levels.indexOf(name);
    if (bit < 0) return null;
    bits |= 1 << bit;
  }
  return bits;
}
