// Where tools put the programs that they download, as each documents it.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { FixelfError } from "../base/errors.js";

/** A directory to watch. */
export interface WatchedDirectory {
  path: string;
  /**
   * How many levels below it one program's tree begins. With 1, the default, each entry of the
   * directory is a program with all that comes with it; with 0 the directory is.
   */
  depth?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Preset = (environment: Environment, home: string) => WatchedDirectory[];

/** An absolute path of the environment, or what stands for it. */
function named(value: string | undefined, otherwise: string): string {
  return value !== undefined && isAbsolute(value) ? value : otherwise;
}

const data: (environment: Environment, home: string) => string = ({ XDG_DATA_HOME }, home) =>
  named(XDG_DATA_HOME, join(home, ".local/share"));
const cache: typeof data = ({ XDG_CACHE_HOME }, home) =>
  named(XDG_CACHE_HOME, join(home, ".cache"));

const presets = {
  // rye's guide, "Installation" (RYE_HOME, else ~/.rye) and "Toolchain Management": py/cpython@VERSION
  // (https://rye.astral.sh/guide/toolchains/). The uv that it brings lies in uv/VERSION: that stands
  // in its source only (rye/src/uv.rs).
  rye: ({ RYE_HOME }, home) => {
    const top = named(RYE_HOME, join(home, ".rye"));
    return [{ path: join(top, "py") }, { path: join(top, "uv") }];
  },

  // uv's reference, "Storage" (https://docs.astral.sh/uv/reference/storage): Python versions, and
  // tools, each in a directory of its own.
  uv: (environment, home) => {
    const { UV_PYTHON_INSTALL_DIR, UV_TOOL_DIR } = environment;
    const top = join(data(environment, home), "uv");
    return [
      { path: named(UV_PYTHON_INSTALL_DIR, join(top, "python")) },
      { path: named(UV_TOOL_DIR, join(top, "tools")) },
    ];
  },

  // mise's "Environment variables" (https://mise.jdx.dev/configuration/environment-variables.html)
  // and "Directories": installs/TOOL/VERSION.
  mise: (environment, home) => {
    const { MISE_DATA_DIR, MISE_INSTALLS_DIR } = environment;
    const top = named(MISE_DATA_DIR, join(data(environment, home), "mise"));
    return [{ path: named(MISE_INSTALLS_DIR, join(top, "installs")), depth: 2 }];
  },

  // The server that Visual Studio Code puts on a remote machine, which is documented by its source and
  // its logs: VSCODE_AGENT_FOLDER, else ~/.vscode-server (src/vs/server/node/server.main.ts), with
  // bin/COMMIT (https://github.com/microsoft/vscode/issues/208753), since 2024 cli/servers/Stable-COMMIT
  // (https://github.com/b01/dl-vscode-server/issues/14), and extensions with programs of their own.
  // `code tunnel` has its servers in ~/.vscode/cli (https://github.com/microsoft/vscode/issues/204112).
  "vscode-server": ({ VSCODE_AGENT_FOLDER }, home) => [
    ...[
      named(VSCODE_AGENT_FOLDER, join(home, ".vscode-server")),
      join(home, ".vscode-server-insiders"),
    ].flatMap((server) =>
      ["bin", "cli/servers", "extensions"].map((below) => ({ path: join(server, below) })),
    ),
    { path: join(home, ".vscode/cli/servers") },
  ],

  // Playwright's "Browsers" (https://playwright.dev/docs/browsers): PLAYWRIGHT_BROWSERS_PATH. With 0
  // they are in each project's node_modules, which nobody can know beforehand.
  playwright: (environment, home) => {
    const { PLAYWRIGHT_BROWSERS_PATH } = environment;
    if (PLAYWRIGHT_BROWSERS_PATH === "0")
      throw new FixelfError(
        "usage",
        "PLAYWRIGHT_BROWSERS_PATH=0 keeps browsers in each project's node_modules: name that directory instead",
      );
    const otherwise = join(cache(environment, home), "ms-playwright");
    return [{ path: named(PLAYWRIGHT_BROWSERS_PATH, otherwise) }];
  },

  // cargo-install(1) (https://doc.rust-lang.org/cargo/commands/cargo-install.html): bin/ of
  // CARGO_INSTALL_ROOT, of the configuration's install.root (which is not read here), of CARGO_HOME,
  // of ~/.cargo.
  cargo: ({ CARGO_HOME, CARGO_INSTALL_ROOT }, home) => {
    const top = named(CARGO_INSTALL_ROOT, named(CARGO_HOME, join(home, ".cargo")));
    return [{ path: join(top, "bin") }];
  },

  // npm's "folders" (https://docs.npmjs.com/cli/configuring-npm/folders): PREFIX/lib/node_modules,
  // and what npx fetches in the cache's _npx.
  npm: (environment, home) => {
    const npmrc = readNpmrc(environment, home);
    const setting = (name: "prefix" | "cache") =>
      environment[`npm_config_${name}`] ??
      environment[`NPM_CONFIG_${name.toUpperCase()}`] ??
      npmrc.get(name);
    const npx = { path: join(named(setting("cache"), join(home, ".npm")), "_npx") };
    const prefix = setting("prefix");
    // Without one it is where Node is, which on NixOS is the store.
    if (prefix === undefined || !isAbsolute(prefix)) return [npx];
    return [{ path: join(prefix, "lib/node_modules") }, npx];
  },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as PresetName[];

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/**
 * The directories of a preset; they need not exist yet.
 * @throws FixelfError `usage` where the environment rules it out
 */
export function presetDirectories(
  name: PresetName,
  environment: Environment = process.env,
): WatchedDirectory[] {
  const preset: Preset = presets[name];
  return preset(environment, named(environment.HOME, homedir()));
}

/** The plain settings of a user's .npmrc (npmrc(5)), with $HOME and ~ filled in. */
function readNpmrc(environment: Environment, home: string): Map<string, string> {
  const settings = new Map<string, string>();
  let text: string;
  try {
    const file = environment.npm_config_userconfig ?? environment.NPM_CONFIG_USERCONFIG;
    text = readFileSync(file ?? join(home, ".npmrc"), "utf8");
  } catch {
    return settings; // most people have none
  }
  for (const line of text.split("\n")) {
    const match = /^\s*(prefix|cache)\s*=\s*"?(.+?)"?\s*$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const value = match[2]
      .replace(/^~(?=\/|$)/, home)
      .replace(/\$\{(\w+)\}/g, (whole, name: string) => environment[name] ?? whole);
    settings.set(match[1], resolve(home, value));
  }
  return settings;
}
