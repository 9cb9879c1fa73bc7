// Libraries that the loader cannot find ("cannot open shared object file"), or finds and rejects.
import type { Facts, ResolvedLibrary, Tried } from "../addon/facts.js";
import { contentOf } from "../file/content.js";
import { describeMachine } from "../file/machine.js";
import { brokenLink } from "../file/tree.js";
import { becauseOfPreload, passedOverPreload } from "./preloaded.js";
import type { Problem } from "./problem.js";
import { hiddenBy } from "./search_path.js";
import type { Start } from "./start.js";
import { collectedStorePath, type Surroundings } from "./surroundings.js";

/** Lines of evidence: more locations than this help no one. */
const mostTried = 12;

export function libraryProblems(
  own: { path: string; shown: string; facts: Facts },
  start: Start,
  surroundings: Omit<Surroundings, "host">,
): Problem[] {
  const { resolution, secure } = start;
  const { interpreter } = resolution;
  // A program's loader under another name (all of musl's libraries are that) is missing along with it, which is
  // reported already.
  const isInterpreter = ({ tried: [only, ...others] }: ResolvedLibrary) =>
    own.facts.type !== "shared-library" &&
    !interpreter.found &&
    others.length === 0 &&
    only?.path === interpreter.path;
  const absent = resolution.libraries.filter(
    (library) => library.path === null && !isInterpreter(library),
  );
  // The loader does not complain about a program that runs with other rights than its caller.
  const passedOver = absent.filter(
    ({ kind, optional }) => kind === "preloaded" && optional && !secure,
  );
  return [
    ...absent.filter(({ optional }) => !optional).map(missing),
    ...passedOver.map((library) =>
      passedOverPreload(library, judged(library, own.facts, start, surroundings), damageOf),
    ),
  ];

  function damageOf(path: string): string | null {
    const { state, message } = surroundings.files.look(path);
    return state === "malformed" ? message : null;
  }

  function missing(library: ResolvedLibrary): Problem {
    const isOwn = library.neededBy === own.path;
    const hidden = isOwn ? hiddenBy(library.soname, own, surroundings.files) : null;
    const preload = becauseOfPreload(library.neededBy, resolution);
    return {
      ...judged(library, own.facts, start, surroundings),
      severity: "error" as const,
      evidence: [
        `${library.neededBy} needs ${library.soname}`,
        ...(preload?.evidence ?? []),
        ...(hidden === null ? [] : [hidden.evidence]),
        ...library.tried.slice(0, mostTried).map((tried) => whyPassed(tried, surroundings)),
        library.reason,
        ...circumstancesOf(start),
      ],
      remedy: hidden?.remedy ?? preload?.remedy ?? null,
      need: { kind: "library" as const, library },
    };
  }
}

function whyPassed({ path, code, why }: Tried, { files }: Pick<Surroundings, "files">): string {
  const link = code === "missing" ? brokenLink(files.hostPath(path)) : null;
  return `${path}: ${link ?? why}`;
}

function judged(
  { soname, tried }: ResolvedLibrary,
  facts: Facts,
  { at, started, secure }: Start,
  surroundings: Omit<Surroundings, "host">,
): Pick<Problem, "code" | "message"> {
  const collected = tried
    .map(({ path }) => collectedStorePath(path, surroundings))
    .find((storePath) => storePath !== null);
  if (collected)
    return {
      code: "library-collected",
      message: `${soname} was in ${collected}, which was garbage-collected`,
    };
  const stop = tried.find(({ code }) => unusable.has(code));
  if (stop !== undefined) {
    const host = surroundings.files.hostPath(stop.path);
    const why = stop.code === "not-elf" ? `it is ${contentOf(host).what}` : stop.why;
    return { code: "library-unusable", message: `${stop.path} cannot be loaded: ${why}` };
  }
  if (tried.some(({ code }) => otherMachine.has(code)))
    return {
      code: "library-wrong-machine",
      message: `${soname} was found, but it is not for ${describeMachine(facts)}`,
    };
  const missing = `the library ${soname} is not found`;
  const message =
    at === null || started === null || secure
      ? missing
      : `${missing}: ${at.kind} is there, and ${soname} is in none of its directories`;
  return { code: "library-missing", message };
}

/** A file of that name that ends the search, or is passed over for a reason other than its machine. */
const unusable = new Set<Tried["code"]>([
  "unreadable",
  "not-regular",
  "not-elf",
  "malformed",
  "wrong-abi",
  "wrong-operating-system",
  "not-a-library",
]);

const otherMachine = new Set<Tried["code"]>(["wrong-machine", "wrong-class", "wrong-byte-order"]);

/** What besides the file decides where its loader looks. */
function circumstancesOf({ at, started, secure }: Start): string[] {
  const lines: string[] = [];
  if (at !== null && started !== null)
    lines.push(
      `${at.kind} starts ${started.loader} with ${started.libraryPath || "no directories of its own"}`,
    );
  if (secure)
    lines.push(
      "it is set-user-ID or set-group-ID, or has capabilities: started by others than its owner, its loader ignores LD_LIBRARY_PATH, and $ORIGIN outside the default directories (AT_SECURE)",
    );
  return lines;
}
