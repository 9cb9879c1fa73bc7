// dlopen-library-missing: a library that is not among those the loader has to find, but which the program may open
// while it runs (dlopen). An author's note states this for certain, and how much depends on it; a name in the data may
// be one of several that are tried, or merely text.
import { fixelfCommand } from "../base/shell.js";
import type { Machine } from "../file/machine.js";
import { nixSystem } from "../file/nix_system.js";
import type { Circumstances } from "./circumstances.js";
import { type DlopenCandidates, type DlopenNote, isFound } from "./dlopen_candidates.js";
import type { Finding } from "./finding.js";

const mostShown = 12;

/** `isLeftOut` tells which names another finding covers. */
export async function dlopenFindings(
  candidates: DlopenCandidates,
  circumstances: Circumstances,
  isLeftOut: (soname: string) => boolean,
): Promise<Finding[]> {
  const missing = candidates.notes.filter(
    ({ sonames }) =>
      !sonames.some((soname) => isLeftOut(soname) || isFound(soname, candidates, circumstances)),
  );
  const noted = new Set(candidates.notes.flatMap(({ sonames }) => sonames));
  const named = candidates.named.filter(
    ({ soname }) =>
      !noted.has(soname) && !isLeftOut(soname) && !isFound(soname, candidates, circumstances),
  );
  return [
    ...(await Promise.all(missing.map((note) => fromNote(note, candidates, circumstances)))),
    ...(named.length > 0 ? [await fromData(named, candidates, circumstances)] : []),
  ];
}

/** "libnotify.so.4 is in nixpkgs#libnotify", as far as known. */
async function packagesOf(
  sonames: readonly string[],
  machine: Machine,
  { store }: Circumstances,
): Promise<string[]> {
  const { installable } = await import("../store/nixpkgs/packages.js");
  const known = sonames.map(async (soname) => {
    const [best] = await store.packages(soname, machine);
    return best?.soname === soname
      ? [`${soname} is in ${installable(best, nixSystem(machine))}`]
      : [];
  });
  return (await Promise.all(known)).flat();
}

async function fromNote(
  note: DlopenNote,
  { machine }: DlopenCandidates,
  circumstances: Circumstances,
): Promise<Finding> {
  const { options } = circumstances;
  const { sonames, priority, feature, description, path } = note;
  const [best = ""] = sonames;
  const what = description ?? (feature === null ? null : `the feature ${feature}`);
  const find = fixelfCommand("find", best, options);
  return {
    code: "dlopen-library-missing",
    severity: priority === "required" ? "error" : "warning",
    message:
      priority === "required"
        ? `it opens ${sonames.join(" or ")} at run time and needs it, but no directory that its loader searches has it`
        : `it can use ${sonames.join(" or ")}${what === null ? "" : ` (${what})`}, but no directory that its loader searches has it`,
    evidence: [
      `${path} has a .note.dlopen: ${sonames.join(", ")} ${priority}${what === null ? "" : `, for ${what}`}`,
      ...(await packagesOf(sonames, machine, circumstances)),
    ],
    cause: best,
    remedy: `${find}; then start it with that directory in LD_LIBRARY_PATH`,
  };
}

async function fromData(
  named: readonly { soname: string; offset: number }[],
  { machine }: DlopenCandidates,
  circumstances: Circumstances,
): Promise<Finding> {
  const { options } = circumstances;
  const names = named.map(({ soname }) => soname);
  const shown = names.slice(0, mostShown).join(", ");
  const rest = names.length > mostShown ? ` and ${names.length - mostShown} more` : "";
  return {
    code: "dlopen-library-missing",
    severity: "warning",
    message: `it may open ${shown}${rest} at run time, but no directory that its loader searches has ${names.length === 1 ? "it" : "them"}`,
    evidence: [
      ...named
        .slice(0, mostShown)
        .map(({ soname, offset }) => `${soname} is in its data, at byte ${offset}`),
      ...(await packagesOf(names.slice(0, mostShown), machine, circumstances)),
    ],
    cause: null,
    remedy: `Nothing, unless a feature does not work. To find the library: ${fixelfCommand("find", names[0] as string, options)}`,
  };
}
