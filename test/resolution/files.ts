// Files as they are found on a disk, and a loader's answers about each of them.
import type { Facts, Resolution } from "../../lib/index.js";
import { type Answer, comparable, loaderAnswer, ownAnswer } from "./answer.js";

/** One file, and a loader that could be started with it. */
export interface Question {
  file: string;
  loader: string;
  /** LD_LIBRARY_PATH; empty for none. */
  libraryPath: string;
}

export interface Difference {
  question: Question;
  own: Answer;
  theirs: Answer;
}

/** What a loader must have in common with a file to be asked about it. */
export type Fit = Pick<Facts, "machine" | "class" | "byteOrder"> & { libc: "glibc" | "musl" };

/** Whether the loader opens the file at all: a program or library with a table of its needs. */
export function isLoadable({ type, interpreter, dynamicTable }: Facts): boolean {
  return dynamicTable === "present" && (type === "shared-library" || interpreter !== null);
}

/** What a loader for the file must be like. */
export function fitOf({ machine, class: width, byteOrder, interpreter, needed }: Facts): Fit {
  const musl =
    interpreter === null
      ? needed.some((name) => name === "libc.so" || name.startsWith("libc.musl-"))
      : interpreter.includes("/ld-musl-");
  return { machine, class: width, byteOrder, libc: musl ? "musl" : "glibc" };
}

export function fits(loader: Fit, file: Fit): boolean {
  return (["machine", "class", "byteOrder", "libc"] as const).every(
    (property) => loader[property] === file[property],
  );
}

/**
 * A shell script that reads questions from its input and puts each answer into the directory that is its `$0`, as
 * `NUMBER.out`. Only the loader is run, and no program; libraries cannot be started, so the loader is given each file.
 */
export const askEach = `
  tab=$(printf '\\t')
  while IFS=$tab read -r number loader file path; do
    case $loader in
      */ld-musl-*) LD_LIBRARY_PATH=$path "$loader" --list "$file" ;;
      *) LD_LIBRARY_PATH=$path LD_TRACE_LOADED_OBJECTS=1 "$loader" "$file" ;;
    esac >"$0/$number.out" 2>&1 </dev/null || :
  done`;

/** What askEach reads: a line for each question, with its number. */
export function linesOf(questions: readonly Question[]): string {
  const lines = questions.map(({ file, loader, libraryPath }, number) => {
    const fields = [String(number), loader, file, libraryPath];
    if (fields.some((field) => /[\t\n]/.test(field))) throw new Error(`no line for ${file}`);
    return `${fields.join("\t")}\n`;
  });
  return lines.join("");
}

/**
 * Where fixelf and the loader differ, and how many answers told nothing. A tracing loader skips the
 * versions that are needed from a missing library, and with them GLIBC_ABI_DT_RELR; that one is
 * then missing, and it stops (_dl_check_map_versions in elf/dl-version.c). When it does not trace,
 * it stops at the library itself.
 */
export function compare(
  questions: readonly Question[],
  resolutions: readonly Resolution[],
  outputs: readonly string[],
): { differences: Difference[]; untold: number } {
  const differences: Difference[] = [];
  let untold = 0;
  for (const [index, question] of questions.entries()) {
    const { loader } = question;
    const resolution = resolutions[index];
    const output = outputs[index];
    if (resolution === undefined || output === undefined) throw new Error("no answer");
    const own = comparable(ownAnswer(resolution, [loader]), false);
    const theirs = comparable(loaderAnswer(output, [loader], "/"), false);
    if (
      output.includes(": DT_RELR without GLIBC_ABI_DT_RELR dependency") &&
      resolution.libraries.some(({ soname, path }) => soname.startsWith("libc.so.") && !path)
    )
      untold += 1;
    else if (JSON.stringify(own) !== JSON.stringify(theirs))
      differences.push({ question, own, theirs });
  }
  return { differences, untold };
}
