// Loads the command line's files as Node would load CommonJS, but with compiled code kept beside them: V8's code cache.
// V8 accepts it only if its version, its flags and the length of the source are the same as when the cache was made
// (src/snapshot/code-serializer.cc, SerializedCodeData::SanityCheck), and otherwise compiles the source. (Node 22.8's
// module.enableCompileCache() keeps its own, in a directory that it must be able to write to.)
//
// What Node wraps around a CommonJS file, a function with five parameters, is already in these files
// (rolldown.config.mjs). Adding it here would copy each source once more: enough for V8 to collect garbage before a
// short command ends.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";

/** Node's loader and this one find what the other has loaded in require.cache. */
type Module = Pick<NodeJS.Module, "exports" | "id" | "filename" | "loaded" | "children" | "paths">;

export class CodeCache {
  /** For this V8 and this kind of processor. */
  readonly #directory: string;
  readonly #scripts = new Map<string, Script>();

  /** @param directory holds a directory for each V8, which need not be there */
  constructor(directory: string) {
    this.#directory = join(directory, `${process.versions.v8}-${process.arch}`);
  }

  /**
   * Runs a file in a folder, and what it needs from there, each once.
   * @param require Node's
   */
  load(folder: string, name: string, require: NodeJS.Require): unknown {
    const path = join(folder, name);
    const known = require.cache[path];
    if (known !== undefined) return known.exports;
    const module: Module = {
      exports: {},
      id: path,
      filename: path,
      loaded: false,
      children: [],
      paths: [],
    };
    const run = this.#scriptOf(path, name).runInThisContext();
    require.cache[path] = module as NodeJS.Module;
    const requireInside = (id: string) =>
      id.startsWith("./") ? this.load(folder, id.slice(2), require) : require(id);
    run.call(module.exports, module.exports, requireInside, module, path, folder);
    module.loaded = true;
    return module.exports;
  }

  /** Keeps the code of what was loaded, including all functions that have been called so far. */
  save(): void {
    mkdirSync(this.#directory, { recursive: true });
    for (const [name, script] of this.#scripts)
      writeFileSync(join(this.#directory, name), script.createCachedData());
  }

  #scriptOf(path: string, name: string): Script {
    const cachedData = readIfThere(join(this.#directory, name));
    const script = new Script(readFileSync(path, "utf8"), {
      filename: path,
      ...(cachedData !== null && { cachedData }),
    });
    this.#scripts.set(name, script);
    return script;
  }
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}
