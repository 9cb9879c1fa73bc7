// What patchelf's options come to for one file.
import type { Facts } from "../../addon/facts.js";
import { bufferOf } from "../../base/bytes.js";
import type { EditRequest } from "../../edit/request.js";
import { type SearchPathChange, split } from "../../edit/search_path.js";
import { demandDynamicTable, isSharedObject } from "./answers.js";
import { cannotFind } from "./failure.js";
import type { PatchelfChanges } from "./options.js";
import { osAbiValue } from "./os_abi.js";

/**
 * What is to be changed, or null where nothing is asked for; and what patchelf passes over in silence, one sentence
 * each, to which shrinking a search path adds.
 * @throws FixelfError
 */
export function editsOf(
  changes: PatchelfChanges,
  facts: Facts,
): { edits: EditRequest | null; passedOver: string[] } {
  const passedOver: string[] = [];
  const edits: EditRequest = {};
  if (changes.setOsAbi !== undefined) edits.osAbi = osAbiValue(changes.setOsAbi);
  if (changes.execstack !== undefined) edits.executableStack = changes.execstack;
  // An empty interpreter asks for nothing.
  if (changes.setInterpreter) {
    if (facts.interpreter === null) throw cannotFind(".interp");
    edits.interpreter = changes.setInterpreter;
  }
  if (changes.setSoname !== undefined) {
    if (isSharedObject(facts)) edits.soname = changes.setSoname;
    else passedOver.push("this is not a dynamic library");
  }
  const searchPath = searchPathChange(changes, passedOver);
  if (searchPath !== null) {
    if (facts.dynamicTable === "unread") passedOver.push("no dynamic section");
    else edits.searchPath = searchPath;
  }
  if (isSome(changes.renameDynamicSymbols)) edits.renameSymbols = changes.renameDynamicSymbols;
  Object.assign(edits, dynamicEdits(changes));
  if (needsDynamicTable(edits)) demandDynamicTable(facts);
  // Without anything to resolve it is no failure; `edit` says why nothing is written.
  if (changes.buildResolutionCache) edits.resolutionCache = true;
  if (Object.keys(edits).length === 0) return { edits: null, passedOver };
  if (changes.clobberOldSections ?? true) edits.clearVacated = true;
  if (changes.pageSize !== undefined) edits.pageSize = changes.pageSize;
  return { edits, passedOver };
}

function dynamicEdits(changes: PatchelfChanges): EditRequest {
  const edits: EditRequest = {};
  const { removeNeeded, replaceNeeded, addNeeded, clearSymbolVersion } = changes;
  if (isSome(removeNeeded)) edits.removeNeeded = unique(removeNeeded);
  if (isSome(replaceNeeded)) {
    const last = new Map(replaceNeeded.map(({ from, to }) => [from, to]));
    edits.replaceNeeded = [...last].map(([from, to]) => ({ from, to }));
  }
  if (isSome(addNeeded)) edits.addNeeded = unique(addNeeded).sort(byBytes);
  if (isSome(clearSymbolVersion)) edits.clearSymbolVersions = unique(clearSymbolVersion);
  if (changes.noDefaultLib) edits.noDefaultLibraries = true;
  if (changes.addDebugTag) edits.debugEntry = true;
  return edits;
}

function isSome<Each>(list: readonly Each[] | undefined): list is readonly Each[] {
  return list !== undefined && list.length > 0;
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}

function needsDynamicTable({ osAbi, executableStack, interpreter, ...rest }: EditRequest): boolean {
  return Object.keys(rest).length > 0;
}

/** However they were given, patchelf adds them in this order. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(bufferOf(one), bufferOf(other));
}

function searchPathChange(changes: PatchelfChanges, passedOver: string[]): SearchPathChange | null {
  const tag = changes.forceRpath ? "rpath" : "runpath";
  if (changes.shrinkRpath) {
    const onRemoved = (directory: string, why: string) => {
      passedOver.push(`removing directory '${directory}' from RPATH: ${why}`);
    };
    const allowedPrefixes = split((changes.allowedRpathPrefixes ?? []).join(":"));
    return { shrink: { allowedPrefixes, onRemoved }, tag };
  }
  if (changes.removeRpath) return { remove: true, tag };
  if (changes.setRpath !== undefined) return { set: changes.setRpath.join(":"), tag };
  return changes.addRpath === undefined ? null : { add: changes.addRpath.join(":"), tag };
}
