// What a tree consists of, on one page.
import type { Count, ScanSummary } from "../../scan/summary.js";
import { type Colors, inLines, joined, line, type Shown } from "../shown.js";
import { plural } from "../text.js";

const most = 12;

export function summaryText(summary: ScanSummary, colors: Colors): Shown {
  const { files, elf, failures, bytes } = summary;
  const heading = (text: string) => colors.bold(text);
  const unread = failures === 0 ? "" : `, ${plural(failures, "entry", "entries")} unreadable`;
  const parts = [
    line`${plural(elf, "ELF file")} of ${sizeText(bytes)} among ${plural(files, "file")}${unread}`,
    section(heading("types"), counts(summary.types)),
    section(heading("machines"), counts(summary.machines)),
    section(
      heading("interpreters"),
      summary.interpreters.map(({ name, count, there }) => {
        const lost = there ? "" : line`  ${colors.red("not there")}`;
        return line`${row(count, name)}${lost}`;
      }),
    ),
    section(heading("newest glibc version needed"), counts(summary.glibcNeeds)),
    section(heading("RUNPATH directories that are not there"), counts(summary.brokenSearchPaths)),
    section(heading("executable stacks"), noted(summary.executableStacks)),
    section(heading("without RELRO"), noted(summary.missingRelro)),
    section(
      heading("largest"),
      summary.largest.map(({ path, size }) => line`  ${sizeText(size).padStart(8)}  ${path}`),
    ),
  ];
  return joined(
    parts.filter((part) => part !== null),
    "\n\n",
  );
}

/** Bytes, for people: three digits. */
function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 || size >= 99.95 ? size.toFixed(0) : size.toPrecision(3)} ${units[unit]}`;
}

function section(title: Shown, lines: readonly Shown[]): Shown | null {
  if (lines.length === 0) return null;
  const left = lines.length - most;
  const shown = left > 0 ? [...lines.slice(0, most), line`  … and ${left} more`] : lines;
  return inLines([title, ...shown]);
}

function counts(list: readonly Count[]): Shown[] {
  return list.map(({ name, count }) => row(count, name));
}

function row(count: number, name: string): Shown {
  return line`  ${String(count).padStart(8)}  ${name}`;
}

function noted({ count, examples }: { count: number; examples: string[] }): Shown[] {
  if (count === 0) return [];
  const left = count - examples.length;
  const lines = examples.map((path) => line`  ${path}`);
  return left > 0 ? [...lines, line`  … and ${left} more`] : lines;
}
