// What a tree is made of, in a page.
import type { Count, ScanSummary } from "../../scan/summary.js";
import { type Colors, plural, printable } from "../text.js";

const most = 12;

export function summaryText(summary: ScanSummary, colors: Colors): string {
  const { files, elf, failures, bytes } = summary;
  const heading = (text: string) => colors.bold(text);
  const unread = failures === 0 ? "" : `, ${plural(failures, "entry", "entries")} unreadable`;
  const parts = [
    `${plural(elf, "ELF file")} of ${sizeText(bytes)} among ${plural(files, "file")}${unread}`,
    section(heading("types"), counts(summary.types)),
    section(heading("machines"), counts(summary.machines)),
    section(
      heading("interpreters"),
      summary.interpreters.map(({ name, count, there }) => {
        const lost = there ? "" : `  ${colors.red("not there")}`;
        return row(count, printable(name)) + lost;
      }),
    ),
    section(heading("newest glibc version needed"), counts(summary.glibcNeeds)),
    section(heading("RUNPATH directories that are not there"), counts(summary.brokenSearchPaths)),
    section(heading("executable stacks"), noted(summary.executableStacks)),
    section(heading("without RELRO"), noted(summary.missingRelro)),
    section(
      heading("largest"),
      summary.largest.map(
        ({ path, size }) => `  ${sizeText(size).padStart(8)}  ${printable(path)}`,
      ),
    ),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
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

function section(title: string, lines: string[]): string {
  if (lines.length === 0) return "";
  const left = lines.length - most;
  const shown = left > 0 ? [...lines.slice(0, most), `  … and ${left} more`] : lines;
  return [title, ...shown].join("\n");
}

function counts(list: readonly Count[]): string[] {
  return list.map(({ name, count }) => row(count, printable(name)));
}

function row(count: number, name: string): string {
  return `  ${String(count).padStart(8)}  ${name}`;
}

function noted({ count, examples }: { count: number; examples: string[] }): string[] {
  if (count === 0) return [];
  const left = count - examples.length;
  const lines = examples.map((path) => `  ${printable(path)}`);
  return left > 0 ? [...lines, `  … and ${left} more`] : lines;
}
