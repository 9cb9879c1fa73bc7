// What a file says about itself, one line per fact.
import type { Facts } from "../addon/facts.js";
import { type Colors, inLines, line, type Shown } from "./shown.js";

export function factsText(facts: Facts, colors: Colors): Shown {
  const { notes, overlay } = facts;
  const rows: [string, string | string[] | null][] = [
    ["type", facts.type],
    ["machine", `${facts.machine}, ${facts.class}, ${facts.byteOrder}`],
    ["os abi", `${facts.osAbi}${facts.abiVersion ? `, version ${facts.abiVersion}` : ""}`],
    ["size", `${facts.size} bytes`],
    ["entry", `0x${facts.entry.toString(16)}`],
    ["interpreter", facts.interpreter],
    ["soname", facts.soname],
    ["needed", facts.needed],
    ["rpath", facts.rpath],
    ["runpath", facts.runpath],
    ["no default libs", facts.noDefaultLibraries ? "yes" : null],
    [
      "versions needed",
      facts.versionsNeeded.map(
        ({ library, versions }) =>
          `${library}: ${versions.map(({ name, weak }) => name + (weak ? " (weak)" : "")).join(" ")}`,
      ),
    ],
    ["versions defined", facts.versionsDefined.join(" ") || null],
    ["build id", notes.buildId],
    [
      "least kernel",
      notes.abiTag && `${notes.abiTag.operatingSystem} ${notes.abiTag.kernel.join(".")}`,
    ],
    ["x86 isa needed", notes.x86IsaNeeded === null ? null : `0x${notes.x86IsaNeeded.toString(16)}`],
    ["dlopen", notes.dlopen],
    [
      "executable stack",
      facts.executableStack === null ? "not said" : facts.executableStack ? "yes" : "no",
    ],
    ["relro", facts.relro],
    ["section headers", facts.sectionHeaders ? "yes" : "no"],
    ["overlay", overlay && `${overlay.size} bytes at ${overlay.offset}`],
  ];
  const lines = [colors.bold(facts.path)];
  for (const [name, value] of rows) {
    const values = value === null ? [] : typeof value === "string" ? [value] : value;
    values.forEach((one, at) => {
      const label = (at === 0 ? name : "").padEnd(18);
      lines.push(line`  ${colors.dim(label)}${one}`);
    });
  }
  return inLines(lines);
}
