// The loader, started as a program itself, with the directories as an option. Nothing is copied and no variable is set,
// but /proc/self/exe is the loader.
import { readFile } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { absolute, variable } from "../base/process.js";
import { findableDirectories } from "../environment/findable.js";
import { unspeakable } from "../environment/variables.js";
import { isTakenByLoaders } from "../file/kind.js";
import type { NeedyRunning, Start } from "./start.js";

/**
 * @param forced also for a program that is known to read itself
 * @throws FixelfError with the reason why it cannot be done
 */
export async function startByLoader(running: NeedyRunning, forced: boolean): Promise<Start> {
  const { environment, path, facts, findable } = running;
  if (!isTakenByLoaders(facts)) {
    const message = "the kernel takes its e_ident, and a loader that is given the file does not";
    throw new FixelfError("unsupported", message);
  }
  const { loader } = environment;
  const directories = [...environment.directories, ...(await findableDirectories(findable))];
  const [argv0 = path, ...rest] = running.arguments;
  const limits = [
    `/proc/self/exe is ${loader}: what the program looks for in itself is not found`,
    `by ${path} it can't start itself again, as argv[0] would have it`,
  ];
  if (facts.overlay !== null && !forced) {
    const carried = `${facts.overlay.size} bytes behind its ELF structure`;
    const message = `the program carries ${carried}, and would look for them in the loader`;
    throw new FixelfError("unsupported", message);
  }
  const [bad] = unspeakable(directories);
  if (bad !== undefined)
    throw new FixelfError("unsupported", `${bad}: a search path can't hold this name`);
  // The option replaces the variable, which the user may have set.
  const own = variable("LD_LIBRARY_PATH");
  const libraryPath = [...directories, ...(own ? [own] : [])].join(":");
  // Since glibc 2.33.
  const knowsArgv0 = (await readFile(loader)).includes("--argv0");
  if (!knowsArgv0) limits.push("argv[0] is the file's whole path: the loader has no --argv0");
  const argv = [
    loader,
    ...(knowsArgv0 ? ["--argv0", argv0] : []),
    ...(libraryPath === "" ? [] : ["--library-path", libraryPath]),
    // Without a slash it would be looked for among the libraries.
    absolute(path),
  ];
  return { file: loader, arguments: [...argv, ...rest], descriptors: [], limits };
}
