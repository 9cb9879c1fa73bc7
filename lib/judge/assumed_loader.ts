// The loader by which a library is judged, since it names none itself.
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
  /** The program that loads it, if known. */
  program?: string | undefined;
  tree: Pick<Tree, "subjects">;
  files: NativeFiles;
  store: Pick<StoreAnswers, "loaders" | "place">;
}

/**
 * The loader of the program that loads it, or of a program beside it, even if that is a stand-in that starts a loader
 * itself (judge/start.ts continues from there); otherwise this machine's usual one if there is one (returned as null,
 * which is what `resolve` assumes); otherwise the one that a fix would choose. Null for a program, which names its own.
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

/** Whether the loader of ordinary distributions exists; checked once for each machine and libc. */
function hasUsualLoader(path: string, facts: Facts, files: NativeFiles): Promise<boolean> {
  const key = [facts.machine, facts.class, facts.byteOrder, libcOf(facts)].join(" ");
  return known(files, key, async () => {
    const { interpreter } = await resolveWith(files, path, { tried: false });
    if (!interpreter.found || interpreter.path === null) return false;
    return isLoader(interpreterAt(interpreter.path, files).kind);
  });
}
