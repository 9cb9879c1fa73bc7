// unprotected-from-gc: it works today, but tomorrow nix-collect-garbage may remove what it refers to.
import { basename, dirname, join } from "node:path";
import type { Facts } from "../addon/facts.js";
import { shellWord } from "../base/shell.js";
import type { Subject } from "../file/tree.js";
import { inStore, storePathOf } from "../store/place.js";
import type { Circumstances } from "./circumstances.js";
import type { Finding } from "./finding.js";

/** A script only has an interpreter. */
export type Pointers = Pick<Facts, "interpreter" | "runpath" | "rpath">;

export async function gcFindings(
  subject: Subject,
  { interpreter, runpath, rpath }: Pointers,
  { place, store }: Circumstances,
): Promise<Finding[]> {
  // A store path is kept, or collected, together with what it refers to.
  if (inStore(subject.path, place.store)) return [];
  const pointedAt = [interpreter ?? "", ...(runpath ?? rpath ?? "").split(":")];
  const storePaths = pointedAt.flatMap((path) => storePathOf(path, place.store) ?? []);
  if (storePaths.length === 0) return [];
  const { rooted } = await store.knowledge();
  if (rooted === null) return [];
  const unprotected = [...new Set(storePaths)].filter((storePath) => !rooted.has(storePath));
  if (unprotected.length === 0) return [];
  const link = join(dirname(subject.shown), `.${basename(subject.shown)}-gcroot`);
  const words = ["nix-store", "--realise", ...unprotected, "--add-root", link, "--indirect"];
  return [
    {
      code: "unprotected-from-gc",
      severity: "warning",
      message: `garbage collection may delete what it refers to: no GC root protects ${unprotected.join(", ")}`,
      evidence: unprotected.map((storePath) => `${storePath} is in no GC root's closure`),
      cause: unprotected.join(", "),
      remedy:
        place.root === ""
          ? words.map(shellWord).join(" ")
          : `In the system itself: ${words.map(shellWord).join(" ")}`,
    },
  ];
}
