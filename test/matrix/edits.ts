// The edits of the matrix: what is requested, what has to come of it, and where it is refused.
import { rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Edits } from "../../lib/addon/requests.js";
import type { Cell } from "./axes.js";
import { type Bench, placeLoader } from "./bench.js";
import { libcDirectory } from "./run.js";

export interface Claims {
  present?: RegExp[];
  absent?: RegExp[];
}

/** One call of the engine. */
export interface Step {
  path: string;
  edits: Edits;
}

export interface Edit {
  name: string;
  steps(bench: Bench): Step[];
  /** Creates things besides the file that the edit refers to. */
  prepare?(bench: Bench): Promise<void>;
  /** Why it is impossible for such a cell; the engine must refuse it as unsupported. */
  refused?(cell: Cell): string | null;
  /** A file for which it is impossible may be as it asks already: then nothing happens. */
  mayBeIdle?: boolean;
  /** What readelf has to print afterwards for the subject's headers and dynamic table. */
  says?(bench: Bench): Claims;
  /** And for its dynamic symbols, which readelf finds only through section headers. */
  saysOfSymbols?: Claims;
  /** What the program prints afterwards, given what it printed before. */
  prints?(before: string, cell: Cell): string;
  /** Environment variables without which it can no longer start. */
  environment?(bench: Bench): Record<string, string>;
  /** What a checker may complain about afterwards because the edit requested it. */
  complaint?: RegExp;
  /** Names that gdb shows differently. */
  renamed?: Record<string, string>;
}

const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const isStatic = (cell: Cell) => cell.kind === "static-PIE";
export const origin = (cell: Cell) => (cell.kind === "shared" ? "$ORIGIN" : "$ORIGIN/lib");

const noInterpreter = (cell: Cell) =>
  isStatic(cell) || cell.kind === "shared" ? "there is no PT_INTERP to change" : null;
const nothingLoads = (cell: Cell) =>
  isStatic(cell) ? "no loader reads the dynamic table of a static program" : null;
const noSoname = (cell: Cell) =>
  nothingLoads(cell) ??
  (cell.kind === "non-PIE" ? "a program at a fixed address is nobody's library" : null);
/** DT_MIPS_XHASH, which only bfd makes, is not rebuilt. */
export const noRenaming = (cell: Cell) =>
  nothingLoads(cell) ??
  (["mips64el", "mipsel"].includes(cell.machine) && cell.hash !== "sysv"
    ? "the symbols are found through DT_MIPS_XHASH"
    : null);

/** A path to the machine's loader, with so many bytes; the shortest ones are relative. */
function loaderPath(bench: Bench, length: number): string {
  const prefix = join(bench.directory, "loader");
  const fill = length - prefix.length - "/ld.so".length;
  if (fill < 2) return "ld";
  // No name is longer than 255 bytes.
  const folders = `/${"l".repeat(fill - 1)}`.replace(/(.{200})./g, "$1/");
  return `${prefix}${folders}/ld.so`;
}

function interpreter(name: string, length: number): Edit {
  return {
    name,
    refused: noInterpreter,
    prepare: (bench) => placeLoader(bench, loaderPath(bench, length)),
    steps: (bench) => [{ path: bench.subject, edits: { interpreter: loaderPath(bench, length) } }],
    says: (bench) => ({
      present: [new RegExp(`program interpreter: ${quoted(loaderPath(bench, length))}\\]`)],
    }),
  };
}

function searchPath(
  name: string,
  values: ((cell: Cell) => string)[],
  tag: "runpath" | "rpath" = "runpath",
): Edit {
  const last = (bench: Bench) => values.at(-1)?.(bench.cell) ?? "";
  return {
    name,
    refused: nothingLoads,
    mayBeIdle: values[0]?.({ kind: "PIE" } as Cell) === "",
    steps: ({ subject, cell }) =>
      values.map((value) => ({
        path: subject,
        edits: { searchPath: { value: value(cell), tag } },
      })),
    says: (bench) =>
      last(bench) === ""
        ? { absent: [/\((RUNPATH|RPATH)\)/] }
        : {
            present: [new RegExp(`\\(${tag.toUpperCase()}\\) .*\\[${quoted(last(bench))}\\]`)],
            absent: [tag === "rpath" ? /\(RUNPATH\)/ : /\(RPATH\)/],
          },
    ...(values.at(-1)?.({ kind: "PIE" } as Cell) === ""
      ? { environment: ({ directory }) => ({ LD_LIBRARY_PATH: join(directory, "lib") }) }
      : {}),
  };
}

const long = (cell: Cell) => `/${"n".repeat(700)}:${origin(cell)}`;

const newDigits = Uint8Array.from({ length: 64 }, (_, index) => index);

const replaced = { from: "libnumber.so.1", to: "librenamed.so.1" };
const renaming = { from: "number", to: "number_by_a_longer_name" };
/**
 * Where the address of the weak function was taken at link time it is never null, and mold makes
 * the reference strong: so without the library something else has to define it.
 */
const standIns = ["libstand-in.so.1"];
const spareGone = (before: string) => before.replace("spare:7", "spare:8");
const otherLibrary = (before: string) => before.replace(" number spare", " renamed spare");
const extra = (before: string) => `extra\n${before}`;

export const edits: Edit[] = [
  interpreter("interpreter, longer", 300),
  interpreter("interpreter, shorter", 2),
  searchPath("RUNPATH, set", [() => "", origin]),
  searchPath("RUNPATH, longer", [long]),
  searchPath("RUNPATH, shorter", [origin]),
  searchPath("RUNPATH, removed", [() => ""]),
  searchPath("RPATH, forced", [long], "rpath"),
  {
    name: "needed, added",
    refused: nothingLoads,
    steps: ({ subject }) => [{ path: subject, edits: { addNeeded: ["libextra.so.1"] } }],
    says: () => ({ present: [/\(NEEDED\) .*\[libextra\.so\.1\]/] }),
    prints: extra,
  },
  {
    name: "needed, removed",
    refused: nothingLoads,
    steps: ({ subject }) => [
      {
        path: subject,
        edits: { removeNeeded: ["libspare.so.1"], addNeeded: standIns },
      },
    ],
    says: () => ({ absent: [/\(NEEDED\) .*\[libspare\.so\.1\]/] }),
    saysOfSymbols: { absent: [/File: libspare/] },
    prints: spareGone,
  },
  {
    name: "needed, replaced",
    refused: nothingLoads,
    mayBeIdle: true,
    steps: ({ subject }) => [{ path: subject, edits: { replaceNeeded: [replaced] } }],
    says: () => ({
      present: [/\(NEEDED\) .*\[librenamed\.so\.1\]/],
      absent: [/\(NEEDED\) .*\[libnumber\.so\.1\]/],
    }),
    saysOfSymbols: { present: [/File: librenamed\.so\.1/], absent: [/File: libnumber/] },
    prints: otherLibrary,
  },
  {
    name: "soname",
    refused: noSoname,
    steps: ({ subject }) => [
      { path: subject, edits: { soname: "libmiddle-by-another-name.so.9" } },
    ],
    says: () => ({ present: [/\(SONAME\) .*\[libmiddle-by-another-name\.so\.9\]/] }),
  },
  {
    name: "no default libraries",
    refused: nothingLoads,
    steps: ({ subject }) => [{ path: subject, edits: { noDefaultLibraries: true } }],
    says: () => ({ present: [/\(FLAGS_1\) .*NODEFLIB/] }),
    environment: ({ cell }) => ({ LD_LIBRARY_PATH: libcDirectory(cell.machine) }),
  },
  {
    name: "OS ABI",
    steps: ({ subject }) => [{ path: subject, edits: { osAbi: 3 } }],
    says: () => ({ present: [/OS\/ABI: +UNIX - (GNU|Linux)/] }),
  },
  {
    name: "executable stack, on and off",
    steps: ({ subject }) => [
      { path: subject, edits: { executableStack: true } },
      { path: subject, edits: { executableStack: false } },
    ],
    says: () => ({ present: [/GNU_STACK .* RW +0/] }),
  },
  {
    name: "executable stack",
    steps: ({ subject }) => [{ path: subject, edits: { executableStack: true } }],
    says: () => ({ present: [/GNU_STACK .* RWE +0/] }),
  },
  {
    name: "DT_DEBUG",
    refused: nothingLoads,
    mayBeIdle: true,
    steps: ({ subject }) => [{ path: subject, edits: { debugEntry: true } }],
    says: () => ({ present: [/\(DEBUG\)/] }),
  },
  {
    name: "symbol version, cleared",
    refused: nothingLoads,
    mayBeIdle: true,
    steps: ({ subject }) => [{ path: subject, edits: { clearSymbolVersions: ["number"] } }],
    saysOfSymbols: { present: [/ UND number$/m], absent: [/ UND number@/] },
  },
  {
    name: "symbol, renamed",
    refused: noRenaming,
    mayBeIdle: true,
    steps: ({ subject, directory }) =>
      [subject, join(directory, "lib/libnumber.so.1")].map((path) => ({
        path,
        edits: { renameSymbols: [renaming] },
      })),
    saysOfSymbols: { present: [/ UND number_by_a_longer_name@/], absent: [/ UND number@/] },
    renamed: { [renaming.from]: renaming.to },
  },
  {
    name: "resolution cache",
    refused: nothingLoads,
    steps: ({ subject }) => [{ path: subject, edits: { resolutionCache: newDigits } }],
    says: () => ({ present: [/NixOS/] }),
    complaint: /owner name 'NixOS'|section \.note\.nixos\.ldcache not found in/,
  },
  {
    name: "everything",
    refused: nothingLoads,
    prepare: async (bench) => {
      if (noInterpreter(bench.cell) === null) await placeLoader(bench, loaderPath(bench, 400));
      const library = join(bench.directory, "lib/librenamed.so.1");
      await rename(library, join(dirname(library), `other-${basename(library)}`));
    },
    steps: (bench) => [
      {
        path: bench.subject,
        edits: {
          ...(noInterpreter(bench.cell) === null ? { interpreter: loaderPath(bench, 400) } : {}),
          searchPath: {
            value: `${long(bench.cell)}:${libcDirectory(bench.cell.machine)}`,
            tag: "runpath",
          },
          ...(noSoname(bench.cell) === null ? { soname: "libmiddle-by-another-name.so.9" } : {}),
          removeNeeded: ["libspare.so.1"],
          replaceNeeded: [{ from: replaced.from, to: `other-${replaced.to}` }],
          addNeeded: ["libextra.so.1", ...standIns],
          debugEntry: true,
          osAbi: 3,
          executableStack: false,
          clearSymbolVersions: ["shared"],
          ...(noRenaming(bench.cell) === null ? { renameSymbols: [renaming] } : {}),
          noDefaultLibraries: true,
        },
      },
      {
        path: join(bench.directory, `lib/other-${replaced.to}`),
        edits: {
          ...(noRenaming(bench.cell) === null ? { renameSymbols: [renaming] } : {}),
          soname: `other-${replaced.to}`,
        },
      },
    ],
    says: () => ({
      present: [
        /\(NEEDED\) .*\[libextra\.so\.1\]/,
        /\(NEEDED\) .*\[other-librenamed\.so\.1\]/,
        /\(FLAGS_1\) .*NODEFLIB/,
      ],
      absent: [/\(NEEDED\) .*\[(libspare|libnumber)/],
    }),
    prints: (before) => extra(otherLibrary(spareGone(before))),
    environment: ({ cell }) => ({ LD_LIBRARY_PATH: libcDirectory(cell.machine) }),
    renamed: { [renaming.from]: renaming.to },
  },
];
