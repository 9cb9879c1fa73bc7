// Facts and Resolution as JavaScript sees them: the shapes that the native half returns.

/** One version that a library must define. */
export interface NeededVersion {
  /** "GLIBC_2.34". */
  name: string;
  /** VER_FLG_WEAK: the loader warns, but does not fail, when it is absent. */
  weak: boolean;
}

/** Where one needed library is, determined before the program runs. */
export interface CachedResolution {
  /** DT_NEEDED. */
  soname: string;
  /** `=FILE`, or `?DIRECTORY` that has to be searched; colon-separated. */
  places: string;
}

/** What a file says about itself (ELF specification terms, spelled out). */
export interface Facts {
  /** As given, or found below what was given. */
  path: string;
  /** Bytes. */
  size: number;
  /** EI_CLASS. */
  class: "ELF32" | "ELF64";
  /** EI_DATA. */
  byteOrder: "little-endian" | "big-endian";
  /** e_machine: "x86-64", "aarch64", …; "machine-N" if it has no name here. */
  machine: string;
  /** The name of EI_OSABI; "osabi-N" if it has none here. */
  osAbi: string;
  /** EI_OSABI. */
  osAbiNumber: number;
  /** EI_ABIVERSION. */
  abiVersion: number;
  /**
   * `executable` and `pie` have an interpreter; `static` and `static-pie` are programs without one; `debug-information`
   * was split off from a program, library or kernel module (objcopy --only-keep-debug) and has no code.
   */
  type:
    | "executable"
    | "pie"
    | "shared-library"
    | "static"
    | "static-pie"
    | "relocatable"
    | "core"
    | "debug-information"
    | "other";
  /** e_entry; hexadecimal in JSON, since it may exceed what a number can hold. */
  entry: bigint;
  /** PT_INTERP, or null. */
  interpreter: string | null;
  /** `unread`: split-off debug information has only its header, or no program header leads to it. */
  dynamicTable: "present" | "unread" | "none";
  /** DT_SONAME, or null. */
  soname: string | null;
  /** DT_NEEDED, in order. */
  needed: string[];
  /** DT_RPATH as written, colon-separated, or null. */
  rpath: string | null;
  /** DT_RUNPATH as written, colon-separated, or null. */
  runpath: string | null;
  /** DF_1_NODEFLIB: the loader's default directories are not searched. */
  noDefaultLibraries: boolean;
  /** DT_VERNEED: for each `library`, the `versions` that it must define. */
  versionsNeeded: { library: string; versions: NeededVersion[] }[];
  /** DT_VERDEF, without the base. */
  versionsDefined: string[];
  /** The contents of its notes. */
  notes: {
    /** NT_GNU_BUILD_ID, hexadecimal, or null. */
    buildId: string | null;
    /**
     * NT_GNU_ABI_TAG, or null: the `operatingSystem` ("Linux"), and the lowest `kernel` version on which the file runs,
     * as three numbers.
     */
    abiTag: { operatingSystem: string; kernel: [number, number, number] } | null;
    /** `.note.dlopen` texts (JSON), as written. */
    dlopen: string[];
    /** Bits of GNU_PROPERTY_X86_ISA_1_NEEDED, or null. */
    x86IsaNeeded: number | null;
    /** `.note.nixos.ldcache`, in which nixpkgs' glibc finds needed libraries, or null. */
    resolutionCache: CachedResolution[] | null;
  };
  /** null without PT_GNU_STACK: the machine's default applies. */
  executableStack: boolean | null;
  /** PT_GNU_RELRO; `full` with DF_BIND_NOW. */
  relro: "none" | "partial" | "full";
  /** Whether it has any. */
  sectionHeaders: boolean;
  /**
   * Bytes after the last one that the ELF structure covers, or null: their `offset` in the file and their `size`, in
   * bytes.
   */
  overlay: { offset: number; size: number } | null;
}

/** One place where the loader would have looked, and why it was not used. */
export interface Tried {
  /** Absolute, as seen from the root. */
  path: string;
  /**
   * The kind of reason that `why` gives. `same-file`: it is already loaded, under another name. `is-libc`: musl uses
   * itself instead.
   */
  code:
    | "missing"
    | "directory-missing"
    | "unreadable"
    | "too-many-links"
    | "not-regular"
    | "not-elf"
    | "malformed"
    | "wrong-machine"
    | "wrong-class"
    | "wrong-byte-order"
    | "wrong-abi"
    | "wrong-operating-system"
    | "not-a-library"
    | "not-set-user-id"
    | "empty-name"
    | "token-without-value"
    | "same-file"
    | "is-libc";
  /** A sentence without the path. */
  why: string;
}

/** A library that the loader opens, or looks for. */
export interface ResolvedLibrary {
  /** The name by which it is needed. */
  soname: string;
  /** null if it is not found. */
  path: string | null;
  /** Why this file, in a few words: which search path, cache or directory had it. */
  reason: string;
  /** The first file that needs it. */
  neededBy: string;
  /** The places that were tried before, in order. */
  tried: Tried[];
  /** A file with that name was found, but for another machine or class. */
  wrongMachineSeen: boolean;
  /** Preloaded, or DT_AUXILIARY: the loader goes on without it. */
  optional: boolean;
  /** How the first file that needs it refers to it: DT_NEEDED, DT_AUXILIARY, DT_FILTER. */
  kind: "needed" | "preloaded" | "auxiliary" | "filter";
}

/** A symbol version that is needed from a library whose file does not define it. */
export interface VersionProblem {
  /** "GLIBC_2.38". */
  version: string;
  /** The soname of the library that it is needed from. */
  library: string;
  /** The library that should define it. */
  providerPath: string;
  /** The file that needs it. */
  neededBy: string;
  /** VER_FLG_WEAK: the loader warns, but does not fail. */
  weak: boolean;
}

/** Versions are needed from a library that defines none: glibc warns, and goes on. */
export interface UnversionedLibrary {
  /** The soname. */
  library: string;
  /** The library that should define them. */
  providerPath: string;
  /** The first file that needs them. */
  neededBy: string;
}

/** An object that needs more from an x86 processor than it has: glibc ends the program. */
export interface IsaProblem {
  /** The object. */
  path: string;
  /** Bits of GNU_PROPERTY_X86_ISA_1_NEEDED: 1 is for x86-64 itself, 2 for x86-64-v2, 4 for v3, 8 for v4. */
  missing: number;
}

/** A file that is found but cannot be loaded, or a program that the kernel cannot map. */
export interface LoadProblem {
  /** The file. */
  path: string;
  /** A sentence without the path. */
  why: string;
  /** Only if a running program opens it (dlopen); linked to one that starts, it loads. */
  opened: boolean;
}

/** A symbol that is bound at start, and that none of the loaded files defines. */
export interface MissingSymbol {
  /** Its name. */
  symbol: string;
  /** null if it is needed without one. */
  version: string | null;
  /** The library that should define the version, or null. */
  library: string | null;
  /** The file that needs it. */
  neededBy: string;
}

/** Which files the loader would open for a program or library. */
export interface Resolution {
  /** As given. */
  path: string;
  /**
   * The loader: its `path` (null if there is none), whether it was `found`, whether it is `assumed` because a library
   * names none (its machine's usual one), and the `reason`.
   */
  interpreter: {
    path: string | null;
    found: boolean;
    assumed: boolean;
    reason: string;
  };
  /** The libc whose rules were followed. */
  libc: "glibc" | "musl" | "unknown";
  /** Directories that the loader searches by default. */
  defaultDirectories: string[];
  /**
   * In the order in which the loader opens them, each name once; twice if the first file that needs it does not find
   * it, but another does.
   */
  libraries: ResolvedLibrary[];
  /** Symbol versions that the libraries lack. */
  versionProblems: VersionProblem[];
  /** Libraries without versions from which some are needed. */
  unversionedLibraries: UnversionedLibrary[];
  /** Objects for newer processors. */
  isaProblems: IsaProblem[];
  /**
   * Files with packed relocations (DT_RELR) that do not require GLIBC_ABI_DT_RELR from libc: glibc since 2.36 stops
   * there. With musl before 1.2.4, which does not know them unless it is patched: all that have them.
   */
  relrProblems: string[];
  /** Files that are found but cannot be loaded. */
  loadProblems: LoadProblem[];
  /** For a program; determined only on request, and if nothing else is wrong. */
  missingSymbols: MissingSymbol[];
}
