// What a tool reports about an ELF file, in the specification's own terms, without the decisions of a loader or of
// fixelf.

export interface SaidSegment {
  /** Without "PT_". */
  type: string;
  offset: number;
  fileSize: number;
  memorySize: number;
  executable: boolean;
}

export interface SaidSection {
  /** Without "SHT_". */
  type: string;
  offset: number;
  size: number;
  allocated: boolean;
  executable: boolean;
}

export interface SaidNote {
  /** Where the section or segment that contains it begins. */
  container: number;
  /** GNU_BUILD_ID, GNU_ABI_TAG, X86_ISA_1_NEEDED, FDO or NixOS; others are left out. */
  kind: string;
  /** In scan's form; null where the tool does not tell. */
  value: string | number | null;
}

export interface Said {
  /** e_ident, in hexadecimal. */
  ident: string;
  /** The tool's name for it. */
  machine: string;
  /** Without "ET_". */
  type: string;
  entry: bigint;
  programHeaders: { offset: number; size: number; count: number };
  sectionHeaders: { offset: number; size: number; count: number };
  segments: SaidSegment[];
  sections: SaidSection[];
  interpreter: string | null;
  /** Entries of the dynamic table with a string or with flags, without "DT_". */
  dynamic: { tag: string; value: string }[];
  versionsNeeded: { library: string; versions: { name: string; weak: boolean }[] }[];
  /** Without the base version. */
  versionsDefined: string[];
  notes: SaidNote[];
}

/** A tool that reads ELF files: what it reports about each, or null for nothing. */
export type Tool = (paths: readonly string[]) => Promise<Map<string, Said | null>>;
