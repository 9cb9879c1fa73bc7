// What may be requested from `edit`: an unknown name would otherwise be ignored silently.
import type { EditRequest, SearchPathChange, ShrinkOptions } from "../addon/requests.js";
import { checkCount, checkOptions, type Kinds } from "../base/arguments.js";
import { FixelfError } from "../base/errors.js";

const requestKinds: Kinds<EditRequest> = {
  interpreter: "path",
  searchPath: "object",
  soname: "string",
  removeNeeded: "list of strings",
  replaceNeeded: "list of renamings",
  addNeeded: "list of strings",
  noDefaultLibraries: "boolean",
  debugEntry: "boolean",
  osAbi: "number",
  executableStack: "boolean",
  clearSymbolVersions: "list of strings",
  renameSymbols: "list of renamings",
  resolutionCache: "boolean",
  clearVacated: "boolean",
  pageSize: "number",
};

/** @throws FixelfError `usage` */
export function checkRequest(call: string, request: EditRequest): void {
  checkOptions<EditRequest>(call, request, requestKinds);
  const { osAbi, pageSize } = request;
  if (osAbi !== undefined) checkCount(`${call}: osAbi`, osAbi, 0, 255);
  // gABI, p_align: a power of two.
  if (
    pageSize !== undefined &&
    !(pageSize >= 1 && pageSize <= 2 ** 30 && Number.isInteger(Math.log2(pageSize)))
  )
    throw new FixelfError("usage", `${call}: pageSize must be a power of two up to 1 GiB`);
  if (request.searchPath !== undefined) checkChange(`${call}: searchPath`, request.searchPath);
}

const changeNames = ["set", "add", "remove", "shrink"] as const;
type ChangeName = (typeof changeNames)[number];

function checkChange(call: string, change: SearchPathChange): void {
  checkOptions(call, change as Record<ChangeName | "tag", unknown>, {
    set: "string",
    add: "string",
    remove: "boolean",
    shrink: "object",
    tag: ["runpath", "rpath"],
  });
  const asked = change as Partial<Record<ChangeName, unknown>>;
  const given = changeNames.filter((name) => (asked[name] ?? false) !== false);
  if (given.length !== 1)
    throw new FixelfError("usage", `${call} takes one of ${changeNames.join(", ")}`);
  if ("shrink" in change)
    checkOptions<ShrinkOptions>(`${call}: shrink`, change.shrink, {
      allowedPrefixes: "list of strings",
    });
}
