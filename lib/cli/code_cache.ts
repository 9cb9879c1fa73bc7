// Loads the command line's files as Node would, as CommonJS, but with compiled code kept beside them: V8's code cache.
// V8 accepts it only if its version, its flags and the length of the source are the same as when the cache was made
// (src/snapshot/code-serializer.cc, SerializedCodeData::SanityCheck), and otherwise compiles the source. (Node 22.8's
// module.enableCompileCache() keeps its own, in a directory that it must be able to write to.)
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";

/** What Node wraps around a CommonJS file: node:module, Module.wrap(). */
const wrapper = [
  "(function (exports, require, module, __filename, __dirname) { ",
  "\n});",
] as const;

/** Node's loader and this one find what the other has loaded in require.cache. */
type Module = Pick<NodeJS.Module, "exports" | "id" | "filename" | "loaded" | "children" | "paths">;

export class CodeCache {
  readonly #directory: string;
  /** null if all of it has been saved already. */
  readonly #unsaved: Map<string, Script> | null;

  private constructor(directory: string, unsaved: Map<string, Script> | null) {
    this.#directory = directory;
    this.#unsaved = unsaved;
  }

  /** The code below a directory that is for this V8 and this kind of processor; null if there is none. */
  static ofThisNode(directory: string): CodeCache | null {
    const own = placeIn(directory);
    return existsSync(own) ? new CodeCache(own, null) : null;
  }

  /** The same, to be filled by `load` and `save`. */
  static create(directory: string): CodeCache {
    const own = placeIn(directory);
    mkdirSync(own, { recursive: true });
    return new CodeCache(own, new Map());
  }

  /**
   * Runs a file in a folder, and what it needs from there, each once. What has no saved code is left to Node.
   * @param require Node's
   */
  load(folder: string, name: string, require: NodeJS.Require): unknown {
    const path = join(folder, name);
    const known = require.cache[path];
    if (known !== undefined) return known.exports;
    const run = this.#scriptOf(path, name)?.runInThisContext();
    if (run === undefined) return require(path);
    const module: Module = {
      exports: {},
      id: path,
      filename: path,
      loaded: false,
      children: [],
      paths: [],
    };
    require.cache[path] = module as NodeJS.Module;
    const requireInside = (id: string) =>
      id.startsWith("./") ? this.load(folder, id.slice(2), require) : require(id);
    run.call(module.exports, module.exports, requireInside, module, path, folder);
    module.loaded = true;
    return module.exports;
  }

  /** Saves the code of what was loaded, including all functions that have been called so far. */
  save(): void {
    for (const [name, script] of this.#unsaved ?? [])
      writeFileSync(join(this.#directory, name), script.createCachedData());
  }

  #scriptOf(path: string, name: string): Script | null {
    const cachedData = readIfThere(join(this.#directory, name));
    if (cachedData === null && this.#unsaved === null) return null;
    const source = readFileSync(path, "utf8");
    // Node's import() is experimental in scripts.
    if (cachedData === null && /\bimport\(/.test(source)) return null;
    const script = new Script(wrapper.join(source), {
      filename: path,
      columnOffset: -wrapper[0].length, // so that stack traces show the file's own columns
      ...(cachedData === null ? {} : { cachedData }),
    });
    this.#unsaved?.set(name, script);
    return script;
  }
}

function placeIn(directory: string): string {
  return join(directory, `${process.versions.v8}-${process.arch}`);
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}
