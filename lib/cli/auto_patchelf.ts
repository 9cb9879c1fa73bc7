// fixelf auto-patchelf: nixpkgs' auto-patchelf, with its options, environment, output and exit codes.
import type { Command } from "commander";
import { FixelfError } from "../base/errors.js";
import { variables } from "../base/process.js";
import { writeFully } from "../base/write_fully.js";
import type { Request } from "../drop_in/auto_patchelf/arguments.js";
import { inLines, line } from "../report/shown.js";
import { asError, sentence } from "./command.js";

/** argparse's code for wrong usage, and sys.exit's for a message. */
const exitCodes = { good: 0, failure: 1, usage: 2 } as const;

/** Only lists it in the help: commander must not parse its arguments. */
export function define(program: Command): void {
  program
    .command("auto-patchelf")
    .description("patch the files of a Nix build, as nixpkgs' auto-patchelf does")
    .argument("[argument...]", "see: fixelf auto-patchelf --help");
}

/** What a run reads from and writes to its process. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/** Runs it with the arguments that follow its name; returns the exit code. */
export async function autoPatchelf(
  words: readonly string[],
  { env, stdout, stderr }: Surroundings = {
    env: variables(),
    stdout: { write: (text) => writeFully(1, text) },
    stderr: { write: (text) => writeFully(2, text) },
  },
): Promise<number> {
  const { helpText, parseArguments, usageLine } = await import(
    "../drop_in/auto_patchelf/arguments.js"
  );
  let request: Request | null;
  try {
    request = parseArguments(words);
  } catch (failure) {
    stderr.write(
      `${usageLine()}\n${line`auto-patchelf: error: ${sentence(asError(failure))}`.text}\n`,
    );
    return exitCodes.usage;
  }
  if (request === null) {
    stdout.write(`${helpText()}\n`);
    return exitCodes.good;
  }
  try {
    return await patch(request, { env, stdout, stderr });
  } catch (failure) {
    stderr.write(line`auto-patchelf: ${sentence(asError(failure))}\n`.text);
    return exitCodes.failure;
  }
}

async function patch(request: Request, { env, stdout, stderr }: Surroundings): Promise<number> {
  const [{ readTarget }, { patchFor }, { asked }, { native }, report] = await Promise.all([
    import("../drop_in/auto_patchelf/environment.js"),
    import("../drop_in/auto_patchelf/auto_patchelf.js"),
    import("../drop_in/auto_patchelf/options.js"),
    import("../addon/native.js"),
    import("../report/auto_patchelf.js"),
  ]);
  const target = await readTarget(env.NIX_BINTOOLS);
  if (!request.structuredLogs)
    stdout.write(inLines([report.beginningText, report.requestText(request), line``]).text);
  if (request.paths.length === 0) throw new FixelfError("usage", "No paths to patch, stopping.");
  const { paths, structuredLogs, extraArgs, ...options } = request;
  const extra = native.parseExtraArguments(extraArgs);
  const outcome = await patchFor(asked(paths, { ...options, extra }), target);
  if (structuredLogs) {
    const { events, troubles } = report.outcomeEvents(outcome);
    stdout.write(events);
    stderr.write(troubles.text);
  } else stdout.write(line`${report.outcomeText(outcome)}\n`.text);
  const isMissing = outcome.missing.some(({ pattern }) => pattern === null);
  if (isMissing) {
    const { packagesOf } = await import("../drop_in/auto_patchelf/packages.js");
    const packages = await packagesOf(outcome.missing, target.facts);
    stderr.write(line`${report.missingText(packages, target.facts)}\n`.text);
  }
  const isUnread = outcome.unread.some(({ error }) => error.code === "permission-denied");
  return isMissing || isUnread || outcome.failed.length > 0 ? exitCodes.failure : exitCodes.good;
}
