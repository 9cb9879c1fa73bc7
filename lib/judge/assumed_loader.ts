// The loader that a library, which names none, is judged by.
import type { Facts } from "../addon/facts.js";
import type { NativeFiles } from "../addon/native.js";
import { remembered } from "../addon/remembered.js";
import { resolveWith } from "../addon/resolutions.js";
import { interpreterAt, isLoader, isStandIn } from "../file/interpreter.js";
import { libcOf } from "../file/libc.js";
import { sameMachine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import { startedBy } from "../file/stand_in.js";
import type { Tree } from "../file/tree.js";
import type { StoreAnswers } from "../store/lazy.js";
import { loadingProgram } from "./loading_program.js";

export interface AssumptionSources {
  /** The program that loads it, where that is known. */
  program?: string | undefined;
  tree: Pick<Tree, "subjects">;
  files: NativeFiles;
  store: Pick<StoreAnswers, "loaders" | "place">;
}

/**
 * That of the program that loads it, or of one beside it, be it a stand-in that starts one by itself
 * (judge/start.ts goes on from there), else this machine's usual one where there is one (null says so, and is
 * what `resolve` assumes), else the one that a fix would choose. A program's own counts for itself.
 */
export async function assumedLoader(
  path: string,
  facts: Facts,
  { program, tree, files, store }: AssumptionSources,
): Promise<string | null> {
  if (facts.type !== "shared-library") return null;
  const loading = loadingProgram(path, facts, { program, system: store.place }, files);
  if (loading !== null) return loading.loader;
  const libc = libcOf(facts);
  for (const { facts: other } of tree.subjects) {
    if (other === null || other.interpreter === null || other.type === "shared-library") continue;
    if (!sameMachine(other, facts) || libcOf(other) !== libc) continue;
    const at = interpreterAt(other.interpreter, files);
    if (isLoader(at.kind)) return other.interpreter;
    if (isStandIn(at.kind) && startedBy(at, nixSystem(other), {}, files) !== null)
      return other.interpreter;
  }
  if (await hasUsualLoader(path, facts, files)) return null;
  const loaders = await store.loaders();
  return loaders.find((loader) => sameMachine(loader, facts) && loader.libc === libc)?.path ?? null;
}

const known = remembered<Promise<boolean>>();

/** Whether the loader of ordinary distributions is there; asked once for each machine and libc. */
function hasUsualLoader(path: string, facts: Facts, files: NativeFiles): Promise<boolean> {
  const key = [facts.machine, facts.class, facts.byteOrder, libcOf(facts)].join(" ");
  return known(files, key, async () => {
    const { interpreter } = await resolveWith(files, path, { tried: false });
    if (!interpreter.found || interpreter.path === null) return false;
    return isLoader(interpreterAt(interpreter.path, files).kind);
  });
}
