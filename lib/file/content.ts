// What a file that is not ELF is, judging by its first bytes as file(1) does: most are failed downloads, or files for
// another system.
import { dirname } from "node:path";
import { shellWord } from "../base/shell.js";
import { readBeginning } from "./beginning.js";

export interface Content {
  /** "a web page (HTML)"; a noun, to follow "it is". */
  what: string;
  /** What to do about it, with FILE and DIRECTORY standing for its location; null if nothing is known to help. */
  remedy: string | null;
  /** "macOS (Mach-O)": the system that it is for, if packages include it alongside the build for Linux. */
  otherSystem?: string;
}

/** Bytes to examine: a comment at the head of a linker script may be long. */
const window = 4096;

/** Examines a file on this machine; `shown` is its name in the remedy. */
export function contentOf(host: string, shown = host): Content {
  const content = contentIn(readBeginning(host, window));
  const { remedy } = content;
  if (remedy === null) return content;
  // In a single pass: a path may contain either word.
  const named = remedy.replace(/FILE|DIRECTORY/g, (word) =>
    shellWord(word === "FILE" ? shown : dirname(shown)),
  );
  return { ...content, remedy: named };
}

/** By the beginning of a file, or all of it. */
function contentIn(head: Buffer): Content {
  if (head.length === 0)
    return { what: "an empty file", remedy: "Download the file again: it is empty" };
  const text = head.toString("latin1");
  const kind = kinds.find(({ is }) => is(text, head));
  if (kind !== undefined) {
    const { is: _, ...content } = kind;
    return content;
  }
  if (head.every((byte) => byte === 0))
    return {
      what: "a file of zeros",
      remedy: "Download the file again: its content was never written",
    };
  return isText(head)
    ? {
        what: "a text file",
        remedy: "Name in its first line what runs it, if it is a script: #!/bin/sh",
      }
    : { what: "data of an unknown kind", remedy: null };
}

function isText(head: Buffer): boolean {
  return head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1b);
}

interface Kind extends Content {
  is: (text: string, head: Buffer) => boolean;
}

const starts =
  (...magics: string[]) =>
  (text: string) =>
    magics.some((magic) => text.startsWith(magic));

/** `command` unpacks its standard input. The output may be an archive, which is then identified as one. */
const unpack = (what: string, command: string, ...magics: string[]): Kind => ({
  what: `compressed data (${what})`,
  remedy: `${command} <FILE >FILE.unpacked`,
  is: starts(...magics),
});

/** Mach-O for several processors, with 32-bit and 64-bit offsets. */
const fatMachO = ["\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf"];
const machO = ["\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf"];

const forSystem = (otherSystem: string) => ({
  what: `a program or library for ${otherSystem}`,
  otherSystem,
});

const kinds: Kind[] = [
  {
    what: "a web page (HTML), as a server sends it with an error",
    remedy: "Download the file again, and check what the server answers",
    is: (text) => /^\s*(<!doctype html|<html|<\?xml[^>]*>\s*<!doctype html)/i.test(text),
  },
  {
    what: "an XML or JSON document, as a server sends it with an error",
    remedy: "Download the file again, and check what the server answers",
    is: (text) => /^\s*(<\?xml\s|<Error>|\{\s*"|\[\s*[{"])/.test(text),
  },
  {
    what: "a Git LFS pointer: the file itself was not fetched",
    remedy: "git -C DIRECTORY lfs pull",
    is: starts("version https://git-lfs.github.com/spec/"),
  },
  {
    what: "a linker script, which only a linker reads",
    remedy: "Replace it with the library that it names (INPUT or GROUP)",
    is: (text) => /^\s*(\/\*.*?\*\/\s*)*(OUTPUT_FORMAT|INPUT|GROUP|SEARCH_DIR)\s*\(/s.test(text),
  },
  {
    what: "a script with a byte order mark before its #!, so Linux does not recognize it",
    remedy: "sed -i '1s/^\\xEF\\xBB\\xBF//' FILE",
    is: starts("\xef\xbb\xbf#!"),
  },
  {
    what: "a script with something before its #!, so Linux does not recognize it",
    remedy: "sed -i -z 's/^[[:space:]]*//' FILE",
    is: (text) => /^\s+#!/.test(text),
  },
  unpack("gzip", "gzip -dc", "\x1f\x8b"),
  unpack("xz", "xz -dc", "\xfd7zXZ\0"),
  unpack("zstd", "zstd -dc", "\x28\xb5\x2f\xfd"),
  unpack("lz4", "lz4 -dc", "\x04\x22\x4d\x18"),
  unpack("compress", "gzip -dc", "\x1f\x9d"),
  unpack("bzip2", "bzip2 -dc", "BZh"),
  { what: "compressed data (7-zip)", remedy: "7z x FILE", is: starts("7z\xbc\xaf\x27\x1c") },
  {
    what: "compressed data (zip)",
    remedy: "unzip FILE",
    is: starts("PK\x03\x04", "PK\x05\x06"),
  },
  {
    what: "a text in UTF-16, of which Linux reads no first line",
    remedy: "iconv -f UTF-16 -t UTF-8 FILE >FILE.utf8",
    is: starts("\xff\xfe", "\xfe\xff"),
  },
  {
    what: "a Debian package",
    remedy: "dpkg-deb --extract FILE FILE.unpacked",
    is: (text) => text.startsWith("!<arch>\ndebian-binary"),
  },
  {
    what: "a static library (ar), which only a linker reads",
    remedy: "Name the shared library of the same package",
    is: starts("!<arch>\n", "!<thin>\n"),
  },
  {
    what: "an RPM package",
    remedy: "rpm2cpio FILE | cpio -idm",
    is: starts("\xed\xab\xee\xdb"),
  },
  { what: "a SquashFS image", remedy: "unsquashfs FILE", is: starts("hsqs") },
  {
    what: "a tar archive",
    remedy: "tar -xf FILE",
    is: (text) => text.slice(257, 262) === "ustar",
  },
  {
    what: "a .NET assembly, which needs a .NET runtime",
    remedy: "Start it with .NET (dotnet FILE) or Mono (mono FILE)",
    is: (text, head) => text.startsWith("MZ") && isForDotNet(head),
  },
  {
    what: "a program for several systems (APE), which a shell starts",
    remedy: "sh FILE",
    is: starts("MZqFpD='", "jartsr='"),
  },
  {
    ...forSystem("Windows (PE)"),
    remedy: "Get the Linux build, or run this one with Wine",
    is: (text, head) => text.startsWith("MZ") && portableExecutableAt(head) !== null,
  },
  {
    ...forSystem("Windows or DOS (MZ)"),
    remedy: "Get the Linux build, or run this one with Wine or DOSBox",
    is: (text, head) => text.startsWith("MZ") && !isText(head),
  },
  {
    ...forSystem("macOS (Mach-O)"),
    remedy: "Get the Linux build",
    is: (text, head) =>
      starts(...machO)(text) ||
      // A fat Mach-O has a few architectures, a Java class a version of 45 or more (loader.h, JVMS 4.1).
      (starts(...fatMachO)(text) && head.length >= 8 && head.readUInt32BE(4) < 45),
  },
  {
    what: "a Java class, which needs a Java virtual machine",
    remedy: "Start its class with java -cp DIRECTORY",
    is: starts("\xca\xfe\xba\xbe"),
  },
  {
    what: "a WebAssembly module, which needs a WebAssembly runtime",
    remedy: "Start it with a WebAssembly runtime: wasmtime FILE",
    is: starts("\0asm"),
  },
];

/** Where a PE file's signature is (Microsoft's PE format, "MS-DOS Stub"); null if it has none. */
function portableExecutableAt(head: Buffer): number | null {
  const at = numberAt(head, 0x3c);
  return at !== undefined && numberAt(head, at) === 0x4550 ? at : null;
}

/** Whether a PE file has a CLI header (ECMA-335 II.25.3.3): it runs on Linux as it does on Windows. */
function isForDotNet(head: Buffer): boolean {
  const signature = portableExecutableAt(head);
  if (signature === null) return false;
  // The optional header follows the signature and the COFF header; in PE32+ it has wider fields.
  const optional = signature + 24;
  const isWide = (numberAt(head, optional) ?? 0) % 0x1_0000 === 0x20b;
  const directories = optional + (isWide ? 112 : 96);
  const cliHeader = 14;
  const count = numberAt(head, directories - 4) ?? 0;
  return count > cliHeader && (numberAt(head, directories + 8 * cliHeader) ?? 0) !== 0;
}

function numberAt(head: Buffer, offset: number): number | undefined {
  return offset + 4 <= head.length ? head.readUInt32LE(offset) : undefined;
}
