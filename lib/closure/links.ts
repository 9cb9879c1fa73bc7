// Where a tree's symbolic links lead: an environment consists of little else.
import { readdir } from "../base/disk.js";
import { unlessOfTheMoment } from "../base/errors.js";
import { readTree, type Subject, type Tree } from "../file/tree.js";
import { hostPath, inStore, realPathIn, type StorePlace } from "../store/place.js";

export interface Linked {
  /** As seen from the root. */
  link: string;
  subject: Subject;
}

/** The ELF files elsewhere in the store to which links below the tree lead, each once. */
export async function findLinked(tree: Tree, place: StorePlace): Promise<Linked[]> {
  if (!tree.directory || tree.outside) return [];
  const linked: Linked[] = [];
  const seen = new Set(tree.subjects.map(({ path }) => path));
  const followed = new Set<string>();
  const visit = async (directory: string): Promise<void> => {
    const host = hostPath(directory, place);
    const entries = await readdir(host, { withFileTypes: true }).catch(unlessOfTheMoment([]));
    for (const entry of entries) {
      const path = `${directory === "/" ? "" : directory}/${entry.name}`;
      if (entry.isDirectory()) await visit(path);
      if (!entry.isSymbolicLink()) continue;
      const real = await realPathIn(path, place);
      if (real === null || real.startsWith(`${tree.path}/`) || followed.has(real)) continue;
      followed.add(real);
      if (!inStore(real, place.store)) continue;
      const target = await readTree(real, place).catch(unlessOfTheMoment(null));
      for (const subject of target?.subjects ?? []) {
        if (subject.facts === null || seen.has(subject.path)) continue;
        seen.add(subject.path);
        linked.push({ link: path, subject });
      }
    }
  };
  await visit(tree.path);
  return linked;
}
