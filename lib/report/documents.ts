// What every command prints with --json, with the name of its schema. share/schemas is generated from these types
// (scripts/build-schemas.mjs), so that what is printed is what was promised.

import type { Facts } from "../addon/facts.js";
import type { Layout } from "../addon/native.js";
import type { FixelfErrorCode } from "../base/errors.js";
import type { Closure } from "../closure/closure.js";
import type { Diagnosis } from "../doctor/finding.js";
import type { Environment } from "../environment/environment.js";
import type { Farm } from "../environment/farm.js";
import type { FilePlan, Outcome } from "../fix/outcome.js";
import type { Pruned, Remembered } from "../fix/records.js";
import type { UndoOutcome } from "../fix/undo.js";
import type { GetPlan, Got } from "../get/get.js";
import type { DependencyTree } from "../judge/dependency_tree.js";
import type { RunPlan } from "../run/plan.js";
import type { ScanRow } from "../scan/batch.js";
import type { PartsCheck } from "../scan/parts.js";
import type { ScanSummary } from "../scan/summary.js";
import type { Provider } from "../store/find.js";
import type { IndexReport } from "../store/index/report.js";
import type { Loader } from "../store/loaders.js";
import type { NixpkgsPackage } from "../store/nixpkgs/packages.js";
import type { References } from "../store/references.js";
import type { WatchOutcome } from "../watch/outcome.js";
import type { TreeLibrary } from "./tree/graph.js";
import type { Why } from "./tree/why.js";

/** Documents by schema name: `"schema": "fixelf.NAME/1"` is their first field. */
export interface Documents {
  /** fixelf closure PATH --json */
  closure: Closure;
  /** fixelf doctor PATH… --json */
  doctor: { files: Diagnosis[] };
  /** fixelf env PATH… --json */
  env: Environment & {
    /** What has to be set, by name. */
    variables: Record<string, string>;
    /** What --farm created. */
    farm: Farm | null;
  };
  /** What any command prints with --json if it fails as a whole */
  error: { error: Failure & { path: string | null } };
  /** fixelf find NAME… --json */
  find: { sonames: FoundSoname[] } & Fetched;
  /** fixelf fix PATH… --json */
  fix: { files: Outcome[] } & Fetched;
  /** fixelf index --json */
  index: {
    /** null if there is no store, or with --remove. */
    index: IndexReport | null;
    /** With --remove: whether there was one. */
    removed?: boolean;
  };
  /** fixelf inspect FILE… --json */
  inspect: { files: (Facts | FailedPath)[] };
  /** fixelf list [PATH…] --json */
  list: Remembered;
  /** fixelf loaders --json */
  loaders: { loaders: Loader[] };
  /** fixelf path PROGRAM --json */
  path: { path: string };
  /** fixelf fix PATH… --dry-run --json */
  plan: { files: PlannedFile[] } & Fetched;
  /** fixelf prune [PATH…] --json */
  prune: Pruned & {
    /** Whether this only reports what would be removed, without removing it. */
    dryRun: boolean;
  };
  /** fixelf refs PATH… --json */
  refs: { paths: (References | FailedPath)[] };
  /** fixelf run FILE --json */
  run: Pick<RunPlan, "how" | "why" | "passedOver" | "unserved" | "limits" | "variables"> & {
    path: string;
  };
  /** fixelf scan --check DIR --json */
  "scan-check": PartsCheck;
  /** fixelf scan [PATH…] --summary --json */
  "scan-summary": ScanSummary;
  /** fixelf tree FILE --json */
  tree: (Omit<DependencyTree, "libraries"> & { libraries: TreeLibrary[] }) | WhyLoaded;
  /** fixelf undo PATH… --json */
  undo: { files: UndoOutcome[] };
}

/** Streams of JSON objects, one per line, without a field that names the schema. */
export interface Lines {
  /** A line of fixelf scan --format ndjson */
  scan: ScanRow | ScanFailureRow;
  /** A line of fixelf watch --json */
  watch: WatchOutcome;
}

interface Failure {
  code: FixelfErrorCode;
  /** A sentence for people. */
  message: string;
}

/** A path that was named, and why it failed. */
export interface FailedPath {
  path: string;
  error: Failure;
}

/** Something below the roots that could not be read. */
export interface ScanFailureRow {
  path: string;
  /** The store path that it is in; null outside a store. */
  storePath: string | null;
  /** The kind of failure; docs/scanning.md. */
  error: FixelfErrorCode;
  /** A sentence for people. */
  errorMessage: string;
}

/** With --get: what became of it. */
export interface Fetched {
  got?: Pick<Got, "attribute" | "output" | "storePath" | "sonames" | "source">[];
  notGot?: GetPlan["without"];
}

/** A library, and the store paths that have it. */
export interface FoundSoname {
  soname: string;
  /** The symbol version that it has to define, if one was requested. */
  symbolVersion?: string;
  /** The best first. */
  providers: Pick<Provider, "path" | "storePath" | "reasons">[];
  /** From nixpkgs, if no store path has it; the best first. */
  packages: readonly NixpkgsPackage[];
  /** What defines that version, such as "gcc 13.2 or newer". */
  since?: string;
}

/** What is to be done with one file: where bytes change, and how many. */
export interface PlannedFile extends Omit<FilePlan, "layout"> {
  /** null if nothing changes. */
  layout: Pick<Layout, "oldSize" | "newSize" | "ranges"> | null;
}

/** fixelf tree FILE --why NAME --json */
interface WhyLoaded {
  path: string;
  /** null if the program does not load it. */
  why: Why | null;
}
