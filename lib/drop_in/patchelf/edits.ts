// What patchelf's options come to for one file.
import type { Facts } from "../../addon/facts.js";
import type { Renaming } from "../../addon/native.js";
import { bufferOf } from "../../base/bytes.js";
import type { EditRequest } from "../../edit/request.js";
import { type SearchPathChange, split } from "../../edit/search_path.js";
import { demandDynamicTable, isSharedObject } from "./answers.js";
import type { Request } from "./arguments.js";
import { cannotFind } from "./failure.js";
import { osAbiValue } from "./os_abi.js";

/**
 * What is to be changed, or null where nothing is asked for.
 * @param renamings what the request's name maps say
 * @param debug is told what patchelf passes over in silence
 * @throws PatchelfFailure
 */
export function editsOf(
  request: Request,
  renamings: readonly Renaming[],
  facts: Facts,
  debug: (text: string) => void,
): EditRequest | null {
  const edits: EditRequest = {};
  if (request.osAbi !== null) edits.osAbi = osAbiValue(request.osAbi);
  const { clear, set } = request.executableStack;
  // Who asks for both to be printed and to be changed gets the former.
  if ((clear || set) && !request.questions.has("executableStack")) edits.executableStack = !clear;
  // An empty interpreter asks for nothing.
  if (request.interpreter) {
    if (facts.interpreter === null) throw cannotFind(".interp");
    edits.interpreter = request.interpreter;
  }
  if (request.soname !== null) {
    if (isSharedObject(facts)) edits.soname = request.soname;
    else debug("this is not a dynamic library");
  }
  const searchPath = searchPathChange(request, debug);
  if (searchPath !== null) {
    if (facts.dynamicTable === "unread") debug("no dynamic section");
    else edits.searchPath = searchPath;
  }
  if (renamings.length > 0) edits.renameSymbols = renamings;
  Object.assign(edits, dynamicEdits(request));
  if (needsDynamicTable(edits)) demandDynamicTable(facts);
  // Without anything to resolve it is no failure; `edit` says why nothing is written.
  if (request.resolutionCache) edits.resolutionCache = true;
  if (Object.keys(edits).length === 0) return null;
  if (request.clearVacated) edits.clearVacated = true;
  if (request.pageSize !== null) edits.pageSize = request.pageSize;
  return edits;
}

function dynamicEdits(request: Request): EditRequest {
  const edits: EditRequest = {};
  if (request.removeNeeded.size > 0) edits.removeNeeded = [...request.removeNeeded];
  if (request.replaceNeeded.size > 0)
    edits.replaceNeeded = [...request.replaceNeeded].map(([from, to]) => ({ from, to }));
  if (request.addNeeded.size > 0) edits.addNeeded = [...request.addNeeded].sort(byBytes);
  if (request.clearSymbolVersions.size > 0)
    edits.clearSymbolVersions = [...request.clearSymbolVersions];
  if (request.noDefaultLibraries) edits.noDefaultLibraries = true;
  if (request.debugEntry) edits.debugEntry = true;
  return edits;
}

function needsDynamicTable({ osAbi, executableStack, interpreter, ...rest }: EditRequest): boolean {
  return Object.keys(rest).length > 0;
}

/** However they were given, patchelf adds them in this order. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(bufferOf(one), bufferOf(other));
}

function searchPathChange(
  { rpath, rpathValue, allowedPrefixes, forceRpath }: Request,
  debug: (text: string) => void,
): SearchPathChange | null {
  const tag = forceRpath ? "rpath" : "runpath";
  if (rpath.shrink) {
    const onRemoved = (directory: string, why: string) =>
      debug(`removing directory '${directory}' from RPATH: ${why}`);
    return { shrink: { allowedPrefixes: split(allowedPrefixes), onRemoved }, tag };
  }
  if (rpath.remove) return { remove: true, tag };
  if (rpath.set) return { set: rpathValue, tag };
  return rpath.add ? { add: rpathValue, tag } : null;
}
