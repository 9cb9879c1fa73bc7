// The public API; re-exports only.

export type {
  CachedResolution,
  Facts,
  IsaProblem,
  LoadProblem,
  MissingSymbol,
  NeededVersion,
  Resolution,
  ResolvedLibrary,
  Tried,
  UnversionedLibrary,
  VersionProblem,
} from "./addon/facts.js";
export type {
  Column,
  Compressed,
  FileIdentity,
  Layout,
  Mention,
  RecordedFile,
  ScanProgress,
} from "./addon/native.js";
export type {
  EditRequest,
  Edits,
  NoCache,
  PatchelfChanges,
  Renaming,
  SearchPathChange,
  ShrinkOptions,
} from "./addon/requests.js";
export { bytesOf, textOf } from "./base/bytes.js";
export { FixelfError, type FixelfErrorCode } from "./base/errors.js";
export type { ChoiceOptions, CommonOptions, IndexEvent, PlanOptions } from "./base/options.js";
export { type Closure, closure, type NeededPath } from "./closure/closure.js";
export type { LoadedFile } from "./closure/loaded.js";
export type { NeverLoaded } from "./closure/never_loaded.js";
export type { Size } from "./closure/size.js";
export { diagnose } from "./doctor/diagnose.js";
export type { Diagnosis, Finding, FindingCode, Getting, Verdict } from "./doctor/finding.js";
export {
  type AutoPatchelfDependency,
  type AutoPatchelfFile,
  type AutoPatchelfOutcome,
  autoPatchelf,
  type MissingDependency,
} from "./drop_in/auto_patchelf/auto_patchelf.js";
export type { AutoPatchelfOptions } from "./drop_in/auto_patchelf/options.js";
export type { FileFailure } from "./drop_in/auto_patchelf/place.js";
export { type PatchelfOptions, patchelf } from "./drop_in/patchelf.js";
export { type EditOptions, type EditOutcome, edit } from "./edit/edit.js";
export {
  type AtInterpreter,
  type Environment,
  type EnvironmentLibrary,
  type EnvironmentOptions,
  type EnvironmentProblem,
  type EnvironmentProgram,
  environment,
  type SystemEnvironment,
} from "./environment/environment.js";
export { type Farm, makeFarm } from "./environment/farm.js";
export { type Variables, variables } from "./environment/variables.js";
export { inspect, type ResolveOptions, resolve, resolveAll } from "./file/inspect.js";
export type { FileKind } from "./file/kind.js";
export type { Unread } from "./file/tree.js";
export { type ApplyOptions, apply } from "./fix/apply.js";
export type { KeptStorePath } from "./fix/gc_roots.js";
export type { Edit, FilePlan, FixPlan, Outcome } from "./fix/outcome.js";
export { plan } from "./fix/plan.js";
export {
  type Pruned,
  type PruneOptions,
  prune,
  type Remembered,
  remembered,
} from "./fix/records.js";
export { type UndoOutcome, undo } from "./fix/undo.js";
export type { CacheAnswer } from "./get/binary_cache.js";
export {
  type Effort,
  type GetOptions,
  type GetPlan,
  type Got,
  get,
  planGet,
  type Useless,
  type WantedPackage,
} from "./get/get.js";
export type { Nixpkgs } from "./get/nixpkgs.js";
export { type DependencyTree, dependencyTree } from "./judge/dependency_tree.js";
export type { Need, Problem, ProblemCode } from "./judge/problem.js";
export { planRun, type RunPlan } from "./run/plan.js";
export { become, type RunOptions, type Start, type Way } from "./run/start.js";
export { ScanBatch, type ScanBranch, type ScanFailure, type ScanRow } from "./scan/batch.js";
export { type BatchFilter, batchFilter, type ScanFilter } from "./scan/filter.js";
export { type RunningScan, type ScanOptions, type Shard, scan } from "./scan/scan.js";
export { type Count, type ScanSummary, Summarizer } from "./scan/summary.js";
export type { Knowledge } from "./store/closure.js";
export { Store, type StoreOptions } from "./store/context.js";
export type { Provider, Providers, Rejected, Wanted } from "./store/find.js";
export {
  type IndexReport,
  type ReportOptions,
  removeIndex,
  reportIndex,
} from "./store/index/report.js";
export type { Libraries } from "./store/libraries.js";
export type { Loader } from "./store/loaders.js";
export type { MissingLibrary, NixpkgsPackage } from "./store/nixpkgs/packages.js";
export type { Needing } from "./store/nixpkgs/rank.js";
export { type StorePaths, type StorePlace, storePlace } from "./store/place.js";
export {
  type References,
  references,
  type StorePathMentions,
} from "./store/references.js";
export type { WatchEvent, WatchOutcome } from "./watch/outcome.js";
export {
  type PresetName,
  presetDirectories,
  presetNames,
  type WatchedDirectory,
} from "./watch/presets.js";
export { type WatchOptions, watch } from "./watch/watch.js";
