// fixelf env: what must be set for programs to run unchanged, in the language of whatever sets it.
import { type Command, Option } from "commander";
import { realpathSync } from "../base/disk.js";
import { homeDirectory } from "../base/process.js";
import type { Environment } from "../environment/environment.js";
import type { Farm } from "../environment/farm.js";
import { document, line } from "../report/shown.js";
import type { MissingLibrary } from "../store/nixpkgs/packages.js";
import type { StorePlace } from "../store/place.js";
import { type ChoiceFlags, choiceOptions, withChoices } from "./choice.js";
import { exitCodeOf, exitCodes, type Output, run, untilInterrupted, worst } from "./command.js";
import { type GetFlags, withGet } from "./get.js";
import { withLoadingProgram, withShared } from "./options.js";

const formats = [
  "sh",
  "fish",
  "json",
  "direnv",
  "flake",
  "shell.nix",
  "nixos",
  "home-manager",
  "fhs",
  "container",
] as const;

type Format = (typeof formats)[number];

/** Whether the output names packages, and so also those for what no store path has. */
function isOfPackages(format: Format): boolean {
  return !["sh", "fish", "json", "direnv"].includes(format);
}

interface EnvFlags extends ChoiceFlags, GetFlags {
  format: Format;
  farm?: string;
}

export function define(program: Command): void {
  withShared(
    withGet(
      withChoices(
        withLoadingProgram(
          program
            .command("env")
            .description(
              "print the settings with which programs run unchanged through nix-ld or fixelf-ld",
            )
            .argument("<path...>", "files or directories to examine"),
        )
          .addOption(
            new Option("--format <format>", "output format").choices(formats).default("sh"),
          )
          .option("--farm <dir>", "create DIR with links to all libraries, and refer only to DIR"),
      ),
    ),
    'eval "$(fixelf env ./python3.12)"',
  ).action((paths: string[], flags: EnvFlags) => {
    const wanted = { ...flags, json: flags.json || flags.format === "json" };
    return run(wanted, async (output) => {
      const [{ environment }, { placeOf }] = await Promise.all([
        import("../environment/environment.js"),
        import("../store/place.js"),
      ]);
      const options = choiceOptions(flags);
      const place = placeOf(options);
      const getting = flags.get
        ? new (await import("./getting.js")).Getting(flags, output, untilInterrupted())
        : null;
      const first = await environment(paths, options);
      const found = getting
        ? await getting.until(first, missingOf, () => environment(paths, options))
        : first;
      if (found === null) return exitCodes.findings;
      const farm =
        flags.farm === undefined || found.systems.length === 0
          ? null
          : await (await import("../environment/farm.js")).makeFarm(
              flags.farm,
              found.systems,
              place,
              options.libraryDirectories,
            );
      if (flags.farm !== undefined && farm === null)
        output.say(line`fixelf: nothing has to be set, and so no farm was made at ${flags.farm}`);
      const format = wanted.json ? "json" : flags.format;
      await print(paths, found, farm, format, place, output);
      if (!wanted.json) await talk(found, farm, output);
      getting?.sayWhatKeeps();
      const { isPackaged } = await import("../environment/packages.js");
      const isHelped = isOfPackages(format) ? isPackaged : () => false;
      const { unspeakable } = await import("../environment/variables.js");
      const isNamed = found.systems.every(
        ({ directories }) => farm !== null || unspeakable(directories).length === 0,
      );
      // There, a program finds what it needs where it looks, without variables.
      const isHeeded =
        format === "fhs" ||
        found.programs.every(({ runsAsItIs, givesRights }) => runsAsItIs || !givesRights);
      const left = found.problems.filter((problem) => !isHelped(problem));
      return worst([
        isNamed && isHeeded ? exitCodes.good : exitCodes.findings,
        ...left.map(({ code }) => exitCodeOf(code)),
      ]);
    });
  });
}

function missingOf({ problems }: Environment): MissingLibrary[] {
  return problems.flatMap(({ missing = [] }) => missing);
}

async function print(
  paths: readonly string[],
  found: Environment,
  farm: Farm | null,
  format: Format,
  place: StorePlace,
  output: Output,
): Promise<void> {
  const { variables } = await import("../environment/variables.js");
  const values = variables(found, farm?.path);
  const systems = isOfPackages(format) ? [...found.systems, ...found.incomplete] : found.systems;
  const text = systems.length === 0 ? "" : await textOf(format);
  output.print("env", { ...found, variables: Object.fromEntries(values), farm }, () =>
    document(text),
  );

  async function textOf(wanted: Format): Promise<string> {
    if (wanted === "json") return "";
    if (wanted === "sh" || wanted === "fish" || wanted === "direnv") {
      const shell = await import("../report/environment/shell.js");
      const write = { sh: shell.shText, fish: shell.fishText, direnv: shell.direnvText };
      const storePaths = found.systems.flatMap((system) => system.storePaths);
      const missing = found.systems.flatMap((system) => system.missing);
      return write[wanted](values, {
        unrooted: farm === null ? [...new Set(storePaths)] : [],
        missing,
      });
    }
    const { packaged } = await import("../environment/packages.js");
    const packages = await packaged(found, place.store);
    switch (wanted) {
      case "flake":
        return (await import("../report/environment/flake.js")).flakeText(packages);
      case "shell.nix":
        return (await import("../report/environment/shell_nix.js")).shellNixText(packages);
      case "nixos":
        return (await import("../report/environment/nixos.js")).nixosText(packages);
      case "fhs":
        return (await import("../report/environment/fhs.js")).fhsText(packages);
      case "container": {
        const { containerText } = await import("../report/environment/container.js");
        const named = paths.map((path) => realpathSync(path));
        return containerText(packages, named, realpathSync("."));
      }
      case "home-manager": {
        const [{ homeManagerText }, { twinOf }] = await Promise.all([
          import("../report/environment/home_manager.js"),
          import("../environment/twin.js"),
        ]);
        const twins = await Promise.all(
          packages.programs.map(async ({ file }) => [file, await twinOf(file, place)] as const),
        );
        const present = twins.flatMap(([file, twin]) => (twin ? [[file, twin] as const] : []));
        return homeManagerText(packages, new Map(present), homeDirectory());
      }
    }
  }
}

async function talk(found: Environment, farm: Farm | null, { say }: Output): Promise<void> {
  const { talkOf } = await import("../report/environment/talk.js");
  for (const each of talkOf(found, farm)) say(each);
}
