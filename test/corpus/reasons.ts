// Why a tool may differ from a scan, or tell nothing. A difference without a reason is a fault in one of them.
import type { Columns } from "./columns.js";

export interface Differing {
  tool: string;
  column: string;
  /** The scan's row. */
  row: Columns;
  /** null where the tool cannot read the file. */
  told: Columns | null;
}

interface Reason {
  why: string;
  tools: readonly string[];
  columns: readonly string[];
  /** For reasons other than that the tool tells nothing. */
  holds?: (differing: Differing) => boolean;
}

export function reasonFor(differing: Differing): string | null {
  const { tool, column, told } = differing;
  const isUntold = () => told !== null && told[column] === undefined;
  const reason = reasons.find(
    ({ tools, columns, holds = isUntold }) =>
      tools.includes(tool) && columns.includes(column) && holds(differing),
  );
  return reason === undefined ? null : `${tool}, ${reason.columns.join(" and ")}: ${reason.why}`;
}

const all = ["readelf", "eu-readelf", "pyelftools"];

const reasons: readonly Reason[] = [
  {
    tools: ["readelf", "eu-readelf"],
    columns: ["dlopen"],
    why: "it shows no text of a note whose type it does not know",
  },
  {
    tools: ["eu-readelf"],
    columns: ["abiTagSystem", "abiTagKernel"],
    why: "it shows what is in the ABI tag for some machines only",
  },
  {
    tools: all,
    columns: ["versionsNeeded", "versionsDefined"],
    why: "it finds versions by section headers, and the file has none; loaders use the dynamic table",
  },
];
