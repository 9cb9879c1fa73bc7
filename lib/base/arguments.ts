// Checks what a caller passes to the API before anything is read: in a string passed instead of a list, each letter
// would be a path, and "/" is one; a mistyped option would do something other than was requested; an empty path, as a
// shell passes for an unset variable, would mean the entire working directory.
import { FixelfError } from "./errors.js";
import { nearest } from "./nearest.js";
import { isAbortSignal, isUint8Array } from "./realms.js";

/** What an option's value has to be: a type, or one of several words. */
export type Kind =
  | "string"
  | "path"
  | "absolute path"
  | "boolean"
  | "number"
  | "object"
  | "function"
  | "list"
  | "list of strings"
  | "list of absolute paths"
  | "list of paths"
  | "list of renamings"
  | "AbortSignal"
  | readonly string[];

/** One kind for each option of a type, so that none is forgotten here. */
export type Kinds<Options> = Readonly<Record<keyof Options, Kind>>;

/** @throws FixelfError `usage` if it is not a string, or names nothing */
export function checkPath(call: string, path: unknown): void {
  checkText(call, "the path", path);
  checkNamed([path]);
}

/** @throws FixelfError `usage` if it is not a string */
export function checkText(call: string, name: string, text: unknown): asserts text is string {
  if (typeof text !== "string") throw wrong(call, name, "a string", text);
}

/** @throws FixelfError `usage` if it is not a Uint8Array, such as a Buffer */
export function checkBytes(call: string, name: string, bytes: unknown): void {
  if (!isUint8Array(bytes)) throw wrong(call, name, "a Uint8Array", bytes);
}

/** @throws FixelfError `usage` if it is not iterable, or is a string, whose letters are never meant */
export function checkIterable(call: string, name: string, values: unknown): void {
  if (
    typeof (values as Iterable<unknown> | null)?.[Symbol.iterator] !== "function" ||
    typeof values === "string"
  )
    throw wrong(call, name, "iterable", values);
}

/** @throws FixelfError `usage` if it is not a list of numbers */
export function checkNumbers(call: string, name: string, numbers: unknown): void {
  if (!isListOf(numbers, (each) => typeof each === "number"))
    throw wrong(call, name, "a list of numbers", numbers);
}

/** @throws FixelfError `usage` if it is not a whole number in the range */
export function checkCount(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new FixelfError("usage", `${name} is ${value}; it must be from ${least} to ${most}`);
}

/** @throws FixelfError `usage` if it is not a list */
export function checkList(call: string, name: string, list: unknown): void {
  if (!Array.isArray(list)) throw wrong(call, name, "a list", list);
}

/** @throws FixelfError `usage` if it is not a list of strings */
export function checkTexts(call: string, name: string, texts: unknown): void {
  if (!isListOfStrings(texts)) throw wrong(call, name, "a list of strings", texts);
}

/**
 * Checks what another API function has made, rather than the caller by hand.
 * @throws FixelfError `usage`
 */
export function checkMade<Made extends object>(
  call: string,
  name: string,
  maker: string,
  made: Made,
  kinds: Partial<Kinds<Made>>,
): void {
  const fields = Object.entries(kinds) as [keyof Made, Kind][];
  if (!is("object", made) || !fields.every(([field, kind]) => is(kind, made[field])))
    throw wrong(call, name, `what ${maker} gives`, made);
}

/** @throws FixelfError `usage` if it is not a list of strings, or one of them names nothing */
export function checkPaths(call: string, paths: unknown): void {
  if (!isListOfStrings(paths)) throw wrong(call, "the paths", "a list of strings", paths);
  checkNamed(paths);
}

/**
 * Checks the names and values of options. An option that is undefined counts as omitted.
 * @throws FixelfError `usage`
 */
export function checkOptions<Options extends object>(
  call: string,
  options: Options,
  kinds: Kinds<Options>,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw wrong(call, "the options", "an object", options);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(kinds, name)) {
      const meant = nearest(name, Object.keys(kinds));
      const hint = meant === null ? "" : `; did you mean ${meant}?`;
      throw new FixelfError("usage", `${call} has no option ${name}${hint}`);
    }
    const kind = kinds[name as keyof Options];
    if (value === undefined) continue;
    if (!is(kind, value)) throw wrong(call, name, words(kind), value);
    if (textsOf(value).some((text) => text.includes("\0")))
      throw new FixelfError("usage", `${call}: ${name} must not hold a NUL character`);
    if (isOfPaths(kind)) checkNamed(textsOf(value), `${name}: `);
    if (isOfPaths(kind) && kind.includes("absolute")) checkAbsolute(call, name, textsOf(value));
  }
}

/** The parts of an option that become text in a file, or the name of one. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return [];
  return value.flatMap((each) => (isRenaming(each) ? [each.from, each.to] : textsOf(each)));
}

function is(kind: Kind, value: unknown): boolean {
  if (typeof kind !== "string") return kind.includes(value as string);
  if (kind === "path" || kind === "absolute path") return typeof value === "string";
  if (kind === "list") return Array.isArray(value);
  if (kind === "list of strings" || isOfPaths(kind)) return isListOfStrings(value);
  if (kind === "list of renamings") return isListOf(value, isRenaming);
  if (kind === "AbortSignal") return isAbortSignal(value);
  return typeof value === kind && value !== null;
}

/** POSIX "Pathname Resolution": an empty path names nothing; Node's own calls do not accept NUL. */
function checkNamed(paths: readonly string[], option = ""): void {
  if (paths.some((path) => path === "" || path.includes("\0")))
    throw new FixelfError("usage", `${option}a path must not be empty nor hold a NUL character`);
}

function isOfPaths(kind: Kind): kind is Kind & string {
  return typeof kind === "string" && /path/.test(kind);
}

/** For paths that are written into files, where the next process to read them has another working directory. */
function checkAbsolute(call: string, name: string, paths: readonly string[]): void {
  const relative = paths.find((path) => !path.startsWith("/"));
  if (relative === undefined) return;
  throw new FixelfError("usage", `${call}: ${name} must be absolute, not ${shown(relative)}`);
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return isListOf(value, (each) => typeof each === "string");
}

/** A hole does not qualify: `every` would skip it. */
function isListOf(value: unknown, isOne: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && Array.from(value).every(isOne);
}

function isRenaming(value: unknown): value is { from: string; to: string } {
  const { from, to } = (value ?? {}) as Record<string, unknown>;
  return typeof from === "string" && typeof to === "string";
}

function words(kind: Kind): string {
  if (typeof kind !== "string") return `one of ${kind.join(", ")}`;
  if (isOfPaths(kind)) return kind.startsWith("list") ? "a list of strings" : "a string";
  if (kind === "list of renamings") return "a list of { from, to }";
  return /^[aeiouA]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}

function wrong(call: string, name: string, wanted: string, got: unknown): FixelfError {
  return new FixelfError("usage", `${call}: ${name} must be ${wanted}, not ${shown(got)}`);
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === undefined || value === null) return `${value}`;
  return Array.isArray(value) ? "a list" : words(typeof value as Kind);
}
