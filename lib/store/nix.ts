// What only Nix itself knows: references, roots, validity. Its own tools are asked, because the format of its database
// may change. Lacking them is not an error: the answer is then "not known".
import { underWay } from "../addon/under_way.js";
import { isUnicode, textOf } from "../base/bytes.js";
import { existsSync } from "../base/disk.js";
import { defaultStore } from "../base/options.js";
import { hostPath, type StorePlace } from "./place.js";
import { type GcRoot, readOwnRootLinks, readRootLinks } from "./roots.js";

/** A command line holds about 2 MiB; a store path is rarely longer than 200 bytes. */
const pathsPerCommand = 2000;

/** What Nix has recorded about a store path. */
export interface PathInfo {
  path: string;
  narSize: number | null;
  references: string[];
  deriver: string | null;
}

/** Nix's tools, for one store. Every answer is null when not known. */
export class Nix {
  /** Why the last answer was null. */
  whyUnknown: string | null = null;
  readonly #place: StorePlace;
  readonly #prefix: string | null;
  readonly #whyNever: string | null;
  #available: Promise<boolean> | undefined;

  constructor(place: StorePlace) {
    this.#place = place;
    const directory = hostPath(place.store, place);
    if (directory === defaultStore) {
      this.#prefix = null;
      this.#whyNever = null;
      return;
    }
    this.#prefix = directory.endsWith(defaultStore)
      ? directory.slice(0, -defaultStore.length)
      : null;
    const hasDatabase = this.#prefix !== null && existsSync(`${this.#prefix}/nix/var/nix/db`);
    this.#whyNever = hasDatabase ? null : `there is no Nix database beside ${directory}`;
  }

  /** Whether Nix's tools are installed and can be asked about this store. */
  available(): Promise<boolean> {
    this.#available ??= this.#run("nix-store", ["--version"], 10_000).then((out) => out !== null);
    return this.#available;
  }

  /** The closure of store paths, including these. */
  async requisites(paths: readonly string[]): Promise<string[] | null> {
    const all = new Set<string>();
    for (let start = 0; start < paths.length; start += pathsPerCommand) {
      const some = paths.slice(start, start + pathsPerCommand).map((path) => this.#toNix(path));
      const output = await this.#run("nix-store", ["--query", "--requisites", ...some]);
      if (output === null) return null;
      for (const line of linesOf(output)) all.add(this.#fromNix(line));
    }
    return [...all];
  }

  /** Whether Nix can know of this store at all. */
  get hasDatabase(): boolean {
    return this.#whyNever === null;
  }

  /**
   * The same as `gcRoots`, without starting a process; null if only Nix itself can tell: another prefix, or links that
   * only root may follow.
   */
  async gcRootLinks(): Promise<GcRoot[] | null> {
    if (this.#place.root !== "") return this.gcRoots();
    if (hostPath(this.#place.store, this.#place) !== defaultStore) return null;
    return readOwnRootLinks();
  }

  /** What keeps store paths from being collected, apart from running processes. */
  async gcRoots(): Promise<GcRoot[] | null> {
    if (this.#place.root !== "") {
      const roots = await readRootLinks(this.#place);
      if (roots === null) this.whyUnknown = `there are no GC roots to read in ${this.#place.root}`;
      return roots;
    }
    const output = await this.#run("nix-store", ["--gc", "--print-roots"]);
    if (output === null) return null;
    return parseRoots(output).map(({ link, path }) => ({ link, path: this.#fromNix(path) }));
  }

  /** Whether the store has the path, whole and registered. */
  async isValid(path: string): Promise<boolean | null> {
    // Without --print-invalid, an invalid path and a broken installation both exit with 1.
    const output = await this.#run("nix-store", [
      "--check-validity",
      "--print-invalid",
      this.#toNix(path),
    ]);
    return output === null ? null : linesOf(output).length === 0;
  }

  async pathInfo(path: string): Promise<PathInfo | null> {
    const infos = await this.pathInfos([path]);
    const info = infos?.get(path) ?? null;
    if (infos !== null && info === null) this.whyUnknown = `nix path-info knows nothing of ${path}`;
    return info;
  }

  /** What is recorded about each path; invalid paths are left out. */
  async pathInfos(paths: readonly string[]): Promise<Map<string, PathInfo> | null> {
    const infos = new Map<string, PathInfo>();
    for (let start = 0; start < paths.length; start += pathsPerCommand) {
      const some = paths.slice(start, start + pathsPerCommand).map((path) => this.#toNix(path));
      const command = ["--extra-experimental-features", "nix-command", "path-info", "--json"];
      const output = await this.#run("nix", [...command, ...some]);
      if (output === null) return null;
      for (const info of parsePathInfos(output)) {
        const path = this.#fromNix(info.path);
        const references = info.references.map((reference) => this.#fromNix(reference));
        infos.set(path, { ...info, path, references });
      }
    }
    return infos;
  }

  /** Makes `link` keep the store path for as long as the link exists; true on success. */
  async addIndirectRoot(link: string, storePath: string): Promise<true | null> {
    if (this.#place.root !== "") {
      this.whyUnknown = "the link's path on this machine would mean nothing in the other root";
      return null;
    }
    // --realise would try to fetch a path that does not exist.
    const valid = await this.isValid(storePath);
    if (valid !== true) {
      if (valid === false) this.whyUnknown = `${storePath} is not a valid store path`;
      return null;
    }
    const output = await this.#run("nix-store", [
      "--realise",
      this.#toNix(storePath),
      "--add-root",
      link,
      "--indirect",
    ]);
    return output === null ? null : true;
  }

  async #run(tool: string, given: string[], timeout = 60_000): Promise<string | null> {
    if (this.#whyNever !== null) {
      this.whyUnknown = this.#whyNever;
      return null;
    }
    const words = [...given, ...(this.#prefix === null ? [] : ["--store", this.#prefix])];
    const odd = words.find((word) => !isUnicode(word));
    if (odd !== undefined) {
      // Node would pass different bytes.
      this.whyUnknown = `${tool} can't be given a name that is not UTF-8: ${odd}`;
      return null;
    }
    // If everything is remembered, no process is started, so these are loaded only here.
    const [{ execFile }, { promisify }] = await Promise.all([
      import("node:child_process"),
      import("node:util"),
    ]);
    try {
      const { stdout } = await promisify(execFile)(tool, words, {
        timeout,
        maxBuffer: 1 << 30,
        encoding: "buffer",
        signal: underWay.getStore()?.signal,
        env: { ...process.env, LC_ALL: "C" },
      });
      return textOf(stdout);
    } catch (failure) {
      this.whyUnknown = explain(tool, failure, timeout);
      return null;
    }
  }

  /** Nix's own tools use "/nix/store" for every store that they are given with --store. */
  #toNix(path: string): string {
    return swapPrefix(path, this.#place.store, defaultStore);
  }

  #fromNix(path: string): string {
    return swapPrefix(path, defaultStore, this.#place.store);
  }
}

/** The output of `nix-store --gc --print-roots`, without what only running processes keep. */
export function parseRoots(output: string): GcRoot[] {
  const roots: GcRoot[] = [];
  for (const line of linesOf(output)) {
    // A link's name may itself contain " -> "; a store path cannot.
    const arrow = line.lastIndexOf(" -> ");
    if (arrow === -1) continue;
    const link = line.slice(0, arrow);
    if (/^(\/proc\/|\{(lsof|temp|memory))/.test(link)) continue;
    roots.push({ link, path: line.slice(arrow + 4) });
  }
  return roots;
}

/** The output of `nix path-info --json`: a list before Nix 2.19, an object since. */
export function parsePathInfos(output: string): PathInfo[] {
  type Printed = (Partial<PathInfo> & { valid?: boolean }) | null;
  try {
    const parsed: unknown = JSON.parse(output);
    const list = Array.isArray(parsed)
      ? (parsed as Printed[])
      : Object.entries(parsed as Record<string, Printed>).map(
          ([path, info]) => info && { path, ...info },
        );
    return list.flatMap((info) => {
      if (!info?.path || info.valid === false) return [];
      const { path, narSize = null, references = [], deriver = null } = info;
      return [{ path, narSize, references, deriver }];
    });
  } catch {
    return [];
  }
}

function swapPrefix(path: string, from: string, to: string): string {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function explain(tool: string, failure: unknown, timeout: number): string {
  const { code, killed, stderr, message } = failure as {
    code?: string | number;
    killed?: boolean;
    stderr?: Buffer;
    message: string;
  };
  if (code === "ENOENT") return `${tool} is not installed`;
  if (killed === true) return `${tool} did not answer within ${timeout / 1000} seconds`;
  return `${tool} failed: ${linesOf(stderr ? textOf(stderr) : "").at(-1) ?? message}`;
}
