// Where tools put the programs that they download, according to each tool's documentation.
import { isAbsolute, join, resolve } from "node:path";
import { readFileSync } from "../base/disk.js";
import { FixelfError } from "../base/errors.js";
import { homeDirectory, variables } from "../base/process.js";

/** A directory to watch. */
export interface WatchedDirectory {
  /** Absolute. */
  path: string;
  /**
   * How many levels below it each program's tree begins. With 1, the default, each entry in the directory is a program
   * with everything that comes with it; with 0, the directory itself is.
   */
  depth?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Preset = (environment: Environment, home: string) => WatchedDirectory[];

/** An absolute path from the environment, or its default. */
function named(value: string | undefined, otherwise: string): string {
  return value !== undefined && isAbsolute(value) ? value : otherwise;
}

const data: (environment: Environment, home: string) => string = ({ XDG_DATA_HOME }, home) =>
  named(XDG_DATA_HOME, join(home, ".local/share"));
const cache: typeof data = ({ XDG_CACHE_HOME }, home) =>
  named(XDG_CACHE_HOME, join(home, ".cache"));

/** The directories below `top` whose entries are programs. */
function below(top: string, ...names: readonly string[]): WatchedDirectory[] {
  return names.map((name) => ({ path: join(top, name) }));
}

/** What an editor from the Visual Studio Code family installs on a remote machine. */
function serverOf(top: string): WatchedDirectory[] {
  return below(top, "bin", "cli/servers", "extensions");
}

const presets = {
  // rye's guide, "Installation" (RYE_HOME, else ~/.rye) and "Toolchain Management": py/cpython@VERSION
  // (https://rye.astral.sh/guide/toolchains/); "Tools": a virtual environment for each
  // (https://rye.astral.sh/guide/tools/). The uv that it includes is in uv/VERSION, which only its source documents
  // (rye/src/uv.rs).
  rye: ({ RYE_HOME }, home) => below(named(RYE_HOME, join(home, ".rye")), "py", "uv", "tools"),

  // uv's reference, "Storage" (https://docs.astral.sh/uv/reference/storage): Python versions, and tools, each in its
  // own directory. What `uvx` runs is in the cache: the environment, and each unpacked wheel, is a directory in
  // archive-v0 (crates/uv-cache/src/lib.rs, CacheBucket).
  uv: (environment, home) => {
    const { UV_PYTHON_INSTALL_DIR, UV_TOOL_DIR, UV_CACHE_DIR } = environment;
    const top = join(data(environment, home), "uv");
    return [
      { path: named(UV_PYTHON_INSTALL_DIR, join(top, "python")) },
      { path: named(UV_TOOL_DIR, join(top, "tools")) },
      ...below(named(UV_CACHE_DIR, join(cache(environment, home), "uv")), "archive-v0"),
    ];
  },

  // mise's "Environment variables" (https://mise.jdx.dev/configuration/environment-variables.html)
  // and "Directories": installs/TOOL/VERSION.
  mise: (environment, home) => {
    const { MISE_DATA_DIR, MISE_INSTALLS_DIR } = environment;
    const top = named(MISE_DATA_DIR, join(data(environment, home), "mise"));
    return [{ path: named(MISE_INSTALLS_DIR, join(top, "installs")), depth: 2 }];
  },

  // rustup's "Environment variables" (https://rust-lang.github.io/rustup/environment-variables.html).
  rustup: ({ RUSTUP_HOME }, home) => below(named(RUSTUP_HOME, join(home, ".rustup")), "toolchains"),

  // cargo-install(1) (https://doc.rust-lang.org/cargo/commands/cargo-install.html): bin/ in CARGO_INSTALL_ROOT, in the
  // configuration's install.root (which is not read here), in CARGO_HOME, in ~/.cargo.
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
    // Without one it is where Node is, which on NixOS is in the store.
    if (prefix === undefined || !isAbsolute(prefix)) return [npx];
    return [{ path: join(prefix, "lib/node_modules") }, npx];
  },

  // pnpm's "Global Packages" (https://pnpm.io/global-packages): PNPM_HOME, else pnpm below the data directory (`pnpm
  // setup`), with global/LAYOUT and, from `pnpm env`, nodejs/VERSION. What `pnpm dlx` fetches is in the cache's dlx
  // (https://pnpm.io/settings#dlxcachemaxage).
  pnpm: (environment, home) => [
    ...below(
      named(environment.PNPM_HOME, join(data(environment, home), "pnpm")),
      "global",
      "nodejs",
    ),
    ...below(join(cache(environment, home), "pnpm"), "dlx"),
  ],

  // Yarn 1's `yarn global dir`: below the data directory if the environment names one, else the configuration's
  // (src/util/user-dirs.js of https://github.com/yarnpkg/yarn).
  yarn: ({ XDG_DATA_HOME, XDG_CONFIG_HOME }, home) => {
    const top = named(XDG_DATA_HOME, named(XDG_CONFIG_HOME, join(home, ".config")));
    return below(join(top, "yarn/global"), "node_modules");
  },

  // Bun's "Installation" (https://bun.sh/docs/installation): BUN_INSTALL, else ~/.bun, with bun itself in
  // bin; global packages in install/global (https://bun.sh/docs/cli/install, BUN_INSTALL_GLOBAL_DIR).
  bun: ({ BUN_INSTALL, BUN_INSTALL_GLOBAL_DIR }, home) => {
    const top = named(BUN_INSTALL, join(home, ".bun"));
    const global = named(BUN_INSTALL_GLOBAL_DIR, join(top, "install/global"));
    return [...below(top, "bin"), ...below(global, "node_modules")];
  },

  // nvm's README, "Install & Update Script" (https://github.com/nvm-sh/nvm): NVM_DIR, else nvm below XDG_CONFIG_HOME if
  // that is set, else ~/.nvm.
  nvm: ({ NVM_DIR, XDG_CONFIG_HOME }, home) => {
    const usual = XDG_CONFIG_HOME === undefined ? join(home, ".nvm") : join(XDG_CONFIG_HOME, "nvm");
    return below(named(NVM_DIR, named(usual, join(home, ".nvm"))), "versions/node");
  },

  // fnm's source (https://docs.rs/crate/fnm/latest/source/src/directories.rs): FNM_DIR, else fnm below the data
  // directory, or ~/.fnm from earlier versions.
  fnm: (environment, home) => {
    const { FNM_DIR } = environment;
    if (FNM_DIR !== undefined && isAbsolute(FNM_DIR)) return below(FNM_DIR, "node-versions");
    const tops = [join(data(environment, home), "fnm"), join(home, ".fnm")];
    return tops.flatMap((top) => below(top, "node-versions"));
  },

  // Volta's "Installers" (https://docs.volta.sh/advanced/installers): VOLTA_HOME, else ~/.volta; tools
  // are in tools/image/TOOL/VERSION (crates/volta-layout of https://github.com/volta-cli/volta).
  volta: ({ VOLTA_HOME }, home) => {
    const top = named(VOLTA_HOME, join(home, ".volta"));
    return [...below(top, "bin"), { path: join(top, "tools/image"), depth: 2 }];
  },

  // pyenv's README, "Environment variables" (https://github.com/pyenv/pyenv): most versions are compiled locally; PyPy,
  // Miniconda and similar are downloaded.
  pyenv: ({ PYENV_ROOT }, home) => below(named(PYENV_ROOT, join(home, ".pyenv")), "versions"),

  // GHCup's "Configuration" (https://www.haskell.org/ghcup/guide/config/): with GHCUP_USE_XDG_DIRS in the data
  // directory and XDG_BIN_HOME, else in .ghcup below GHCUP_INSTALL_BASE_PREFIX.
  ghcup: (environment, home) => {
    const { GHCUP_USE_XDG_DIRS, GHCUP_INSTALL_BASE_PREFIX, XDG_BIN_HOME } = environment;
    if (GHCUP_USE_XDG_DIRS !== undefined)
      return [
        ...below(join(data(environment, home), "ghcup"), "ghc", "hls"),
        { path: named(XDG_BIN_HOME, join(home, ".local/bin")) },
      ];
    return below(join(named(GHCUP_INSTALL_BASE_PREFIX, home), ".ghcup"), "ghc", "hls", "bin");
  },

  // Stack's "Stack root" (https://docs.haskellstack.org/en/stable/topics/stack_root/): STACK_ROOT, with
  // STACK_XDG the data directory, else ~/.stack; tools are in programs/PLATFORM/TOOL.
  stack: (environment, home) => {
    const { STACK_ROOT, STACK_XDG } = environment;
    const usual = STACK_XDG ? join(data(environment, home), "stack") : join(home, ".stack");
    return [{ path: join(named(STACK_ROOT, usual), "programs"), depth: 2 }];
  },

  // juliaup's source (https://docs.rs/crate/juliaup/latest/source/src/global_paths.rs):
  // JULIAUP_DEPOT_PATH, else ~/.julia; juliaup itself is in ~/.juliaup (its README, `--path`).
  juliaup: ({ JULIAUP_DEPOT_PATH }, home) => [
    ...below(named(JULIAUP_DEPOT_PATH, join(home, ".julia")), "juliaup"),
    ...below(join(home, ".juliaup"), "bin"),
  ],

  // "Gradle Directories" (https://docs.gradle.org/current/userguide/directory_layout.html): JDKs from the toolchain
  // support and the wrapper's distributions. Not caches/: Gradle aborts a build if something that it has unpacked there
  // (including aapt2) has changed, "The contents of the immutable workspace … have been modified".
  gradle: ({ GRADLE_USER_HOME }, home) =>
    below(named(GRADLE_USER_HOME, join(home, ".gradle")), "jdks", "wrapper/dists"),

  // "Environment variables" and "Command-line tools" of Android's documentation
  // (https://developer.android.com/tools/variables): ANDROID_HOME, ANDROID_SDK_ROOT before it, and
  // ~/Android/Sdk, where Android Studio puts it.
  "android-sdk": ({ ANDROID_HOME, ANDROID_SDK_ROOT }, home) => {
    const top = named(ANDROID_HOME, named(ANDROID_SDK_ROOT, join(home, "Android/Sdk")));
    return [
      ...below(top, "build-tools", "cmdline-tools", "cmake", "ndk"),
      ...["platform-tools", "emulator"].map((name) => ({ path: join(top, name), depth: 0 })),
    ];
  },

  // JetBrains: IDEs from the Toolbox App (https://www.jetbrains.com/help/toolbox-app/), Gateway's remote backends
  // (https://www.jetbrains.com/help/idea/remote-development-troubleshooting.html), and ~/.jdks, to which an IDE
  // downloads JDKs (https://www.jetbrains.com/help/idea/sdk.html).
  jetbrains: (environment, home) => [
    ...below(join(data(environment, home), "JetBrains/Toolbox"), "apps"),
    ...below(join(cache(environment, home), "JetBrains/RemoteDev"), "dist"),
    ...below(home, ".jdks"),
  ],

  // Playwright's "Browsers" (https://playwright.dev/docs/browsers): PLAYWRIGHT_BROWSERS_PATH. With 0 they are in each
  // project's node_modules, which cannot be known beforehand.
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

  // Puppeteer's "Configuration" (https://pptr.dev/api/puppeteer.configuration): PUPPETEER_CACHE_DIR, else
  // ~/.cache/puppeteer regardless of XDG_CACHE_HOME; BROWSER/PLATFORM-VERSION.
  puppeteer: ({ PUPPETEER_CACHE_DIR }, home) => [
    { path: named(PUPPETEER_CACHE_DIR, join(home, ".cache/puppeteer")), depth: 2 },
  ],

  // Cypress's "Advanced installation" (https://docs.cypress.io/app/references/advanced-installation).
  cypress: (environment, home) => [
    { path: named(environment.CYPRESS_CACHE_FOLDER, join(cache(environment, home), "Cypress")) },
  ],

  // Prisma's engines (packages/fetch-engine/src/utils.ts of https://github.com/prisma/orm): BRANCH/COMMIT/PLATFORM in
  // ~/.cache/prisma, since 2025 below XDG_CACHE_HOME (https://github.com/prisma/orm/pull/28174).
  prisma: (environment, home) => {
    const caches = new Set([cache(environment, home), join(home, ".cache")]);
    return [...caches].map((top) => ({ path: join(top, "prisma"), depth: 3 }));
  },

  // mason.nvim's README (https://github.com/mason-org/mason.nvim): packages are in Neovim's data directory,
  // which NVIM_APPNAME names (`:help $NVIM_APPNAME`).
  mason: (environment, home) => {
    const { NVIM_APPNAME } = environment;
    return below(join(data(environment, home), NVIM_APPNAME || "nvim", "mason"), "packages");
  },

  // The server that Visual Studio Code installs on a remote machine, which is documented by its source and its logs:
  // VSCODE_AGENT_FOLDER, else ~/.vscode-server (src/vs/server/node/server.main.ts), with bin/COMMIT
  // (https://github.com/microsoft/vscode/issues/208753), since 2024 cli/servers/Stable-COMMIT
  // (https://github.com/b01/dl-vscode-server/issues/14), and extensions with programs of their own. `code tunnel` has
  // its servers in ~/.vscode/cli (https://github.com/microsoft/vscode/issues/204112).
  "vscode-server": ({ VSCODE_AGENT_FOLDER }, home) => [
    ...serverOf(named(VSCODE_AGENT_FOLDER, join(home, ".vscode-server"))),
    ...serverOf(join(home, ".vscode-server-insiders")),
    ...below(join(home, ".vscode"), "cli/servers"),
  ],

  // The same for its relatives, each in its own directory (serverDataFolderName in product.json):
  // https://github.com/jeanp413/open-remote-ssh for VSCodium,
  // https://github.com/nix-community/nixos-vscode-server/issues/89 for Cursor; Windsurf's is known only from the paths
  // of its processes.
  "vscodium-server": (_, home) => serverOf(join(home, ".vscodium-server")),
  "cursor-server": (_, home) => serverOf(join(home, ".cursor-server")),
  "windsurf-server": (_, home) => serverOf(join(home, ".windsurf-server")),

  // "Extension Marketplace", "Where are extensions installed?"
  // (https://code.visualstudio.com/docs/configure/extensions/extension-marketplace), and likewise for its relatives;
  // VSCODE_EXTENSIONS replaces each (src/vs/platform/environment/common/environmentService.ts).
  "vscode-extensions": ({ VSCODE_EXTENSIONS }, home) => {
    if (VSCODE_EXTENSIONS !== undefined && isAbsolute(VSCODE_EXTENSIONS))
      return [{ path: VSCODE_EXTENSIONS }];
    const editors = [".vscode", ".vscode-insiders", ".vscode-oss", ".cursor", ".windsurf"];
    return editors.flatMap((editor) => below(join(home, editor), "extensions"));
  },
} satisfies Record<string, Preset>;

/** A tool that downloads programs: docs/watching.md. */
export type PresetName = keyof typeof presets;

/** The names of all presets. */
export const presetNames = Object.keys(presets) as PresetName[];

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/**
 * The directories of a preset; they need not exist yet.
 * @throws FixelfError `usage` if there is no such preset, or the environment rules it out
 */
export function presetDirectories(
  name: PresetName,
  environment: Readonly<Record<string, string | undefined>> = variables(),
): WatchedDirectory[] {
  if (!isPreset(name))
    throw new FixelfError("usage", `presetDirectories: there is no preset ${JSON.stringify(name)}`);
  const preset: Preset = presets[name];
  return preset(environment, named(environment.HOME, homeDirectory()));
}

/** The plain settings in a user's .npmrc (npmrc(5)), with $HOME and ~ expanded. */
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
