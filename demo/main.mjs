// Shows what fixelf does, on a program that was built elsewhere, in a system that has neither
// /lib64 nor /usr/lib: it does not start, doctor says why, fix mends it, it starts, undo takes that
// back.
//
// The system is a directory with a /nix/store made of this machine's own libc, entered with chroot
// in a mount namespace. Where namespaces are forbidden, the same is done from outside with --root,
// without starting the program. The exit code is 0 if every step went as expected.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = realpathSync(fileURLToPath(new URL("..", import.meta.url)));
const main = join(repository, "dist/cli/main.cjs");
const mountPoints = ["host", "proc", "dev"];

let failed = 0;
prepare();
const { inspect, resolve } = await import(join(repository, "dist/index.js"));
const root = realpathSync(mkdtempSync(join(tmpdir(), "fixelf-demo-")));
try {
  await show();
} finally {
  cleanUp();
}
say(
  failed === 0 ? "\nEvery step went as it should." : `\n${failed} steps did not go as they should.`,
);
process.exitCode = failed === 0 ? 0 : 1;

/** Installs and builds what is missing. */
function prepare() {
  const npm = (...args) => {
    say(`$ npm ${args.join(" ")}`);
    const { status } = spawnSync("npm", args, { cwd: repository, stdio: "inherit" });
    if (status !== 0) process.exit(2);
  };
  if (!existsSync(join(repository, "node_modules"))) npm("ci");
  const addons = ["build/Release/fixelf.node", "prebuilds"];
  if (!addons.some((path) => existsSync(join(repository, path)))) npm("run", "build:native");
  if (!existsSync(main)) npm("run", "build:ts");
}

async function show() {
  const system = await makeSystem();
  const program = `./${basename(system.program)}`;
  const original = digest(system.program);
  const outside = whyNotInside(system);
  say(`A system with a /nix/store, and without /lib, /lib64 and /usr, in ${root}`);
  say(`A program from elsewhere in it: /home/user/${basename(system.program)}`);
  if (outside !== null) {
    say(`\nThis machine forbids entering it (${outside}).`);
    say("Steps run from outside with --root, and starting the program is skipped.");
  }

  const start = (good, note) => {
    if (outside !== null) return say(`\n(skipped: ${program} --version)`);
    step(note, `${program} --version`, inside([program, "--version"]), good);
  };
  const fixelf = (note, command, good) => {
    const shown = `fixelf ${command} ${program}`;
    const result =
      outside === null
        ? inside(system.fixelf([command, program]))
        : execute(process.execPath, [main, command, "--root", root, program], {
            cwd: dirname(system.program),
            env: { ...process.env, XDG_STATE_HOME: join(root, "state") },
          });
    step(note, outside === null ? shown : `${shown} --root ROOT`, result, good);
  };

  start(
    ({ status, output }) => status !== 0 && /No such file or directory/.test(output),
    "It is there, and yet:",
  );
  fixelf(
    "Why?",
    "doctor",
    ({ status, output }) => status === 1 && output.includes("interpreter-missing"),
  );
  fixelf("Mend it:", "fix", ({ status, output }) => status === 0 && /^fixed /m.test(output));
  start(({ status }) => status === 0, "Now it starts:");
  fixelf("And it is well:", "doctor", ({ status }) => status === 0);
  fixelf(
    "Take it back:",
    "undo",
    ({ status, output }) => status === 0 && output.includes("restored"),
  );

  const now = digest(system.program);
  say(`\nsha256 at first  ${original}`);
  say(`sha256 now       ${now}`);
  if (now !== original) complain("undo did not give back the original");
}

/** Fills the root, and returns how to run fixelf inside it. */
async function makeSystem() {
  const node = realpathSync(process.execPath);
  const { interpreter, libraries } = await resolve(node);
  const addon = findAddon();
  const ofAddon = await resolve(addon, { interpreter: interpreter.path });
  const found = [...libraries, ...ofAddon.libraries].flatMap(({ path }) => path ?? []);
  const loader = realpathSync(interpreter.path);

  const libc = found.find((path) => /^libc\.(so|musl)/.test(basename(path))) ?? loader;
  const { versionsDefined } = await inspect(libc);
  const newest = versionsDefined
    .flatMap((version) => /^GLIBC_2\.(\d+)$/.exec(version)?.[1] ?? [])
    .reduce((most, minor) => Math.max(most, Number(minor)), 0);
  const glibc = storePath(newest > 0 ? `glibc-2.${newest}` : "musl-1.2");
  const libcDirectory = dirname(realpathSync(libc));
  copy(loader, join(glibc, basename(interpreter.path)));
  for (const name of readdirSync(libcDirectory)) {
    if (/^lib(c|m|dl|pthread|rt|util|resolv|nss_files|nss_dns)\.so\.\d+$/.test(name))
      copy(join(libcDirectory, name), join(glibc, name));
  }
  const gcc = storePath("gcc-12-lib");
  for (const path of found) {
    if (/^lib(stdc\+\+|gcc_s)\.so/.test(basename(path))) copy(path, join(gcc, basename(path)));
  }

  const sw = storePath("system-path");
  mkdirSync(join(root, "run/current-system"), { recursive: true });
  symlinkSync(dirname(sw).slice(root.length), join(root, "run/current-system/sw"));
  for (const directory of [...mountPoints, "home/user", "tmp"])
    mkdirSync(join(root, directory), { recursive: true });

  const source = (await foreignProgram(interpreter.path)) ?? node;
  const program = join(root, "home/user", basename(source));
  copy(source, program);

  const directories = [...new Set(found.map((path) => realpathSync(dirname(path))))];
  return {
    program,
    // The system has no loader that could start Node, so one is taken from outside, and none of
    // that is passed on to the programs that Node starts.
    fixelf: (args) => [
      `/host${loader}`,
      "--library-path",
      directories.map((directory) => `/host${directory}`).join(":"),
      `/host${node}`,
      `/host${main}`,
      ...args,
    ],
  };
}

/** A linked program that came ready-made in a package and asks for this loader. */
async function foreignProgram(interpreter) {
  const packages = join(repository, "node_modules/@biomejs");
  for (const name of existsSync(packages) ? readdirSync(packages) : []) {
    const path = join(packages, name, "biome");
    const facts = await inspect(path).catch(() => null);
    if (facts?.interpreter && basename(facts.interpreter) === basename(interpreter)) return path;
  }
  return null;
}

function findAddon() {
  const built = join(repository, "build/Release/fixelf.node");
  if (existsSync(built)) return built;
  const prebuilds = join(repository, "prebuilds", `linux-${process.arch}`);
  return join(
    prebuilds,
    readdirSync(prebuilds).find((name) => name.endsWith(".node")),
  );
}

/** The lib directory of a new store path. */
function storePath(name) {
  const digits = "0123456789abcdfghijklmnpqrsvwxyz";
  const hash = [...createHash("sha256").update(name).digest()].map((byte) => digits[byte % 32]);
  const path = join(root, "nix/store", `${hash.join("")}-${name}`, "lib");
  mkdirSync(path, { recursive: true });
  return path;
}

function copy(from, to) {
  copyFileSync(realpathSync(from), to, constants.COPYFILE_FICLONE);
  chmodSync(to, 0o755);
}

/** Why the system cannot be entered; null when it can. */
function whyNotInside(system) {
  const { status, output } = inside(system.fixelf(["--version"]));
  return status === 0 ? null : output.trim().split("\n").at(-1) || `exit code ${status}`;
}

/** Runs a command in the system, with this machine's files below /host. */
function inside(command) {
  const mounts = mountPoints.map(
    (name) => `mount --rbind ${name === "host" ? "/" : `/${name}`} "$ROOT/${name}"`,
  );
  const script = `${mounts.join(" && ")} && exec unshare --root="$ROOT" --wd=/home/user -- "$@"`;
  const user = process.getuid() === 0 ? [] : ["--user", "--map-root-user"];
  return execute(
    "unshare",
    [...user, "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...command],
    {
      env: {
        PATH: process.env.PATH,
        ROOT: root,
        HOME: "/home/user",
        XDG_STATE_HOME: "/home/user/.local/state",
      },
    },
  );
}

function execute(file, args, options) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8", ...options });
  const output = `${stdout ?? ""}${stderr ?? ""}${error ? error.message : ""}`;
  // It does not matter which program reports the failed start.
  return { status, output: output.replace(/^unshare: failed to execute /m, "") };
}

function step(note, command, result, isGood) {
  say(`\n${note}\n$ ${command}`);
  say(result.output.trimEnd());
  if (!isGood(result)) complain(`exit code ${result.status}; that is not what was expected`);
}

function complain(text) {
  failed++;
  say(`!! ${text}`);
}

function digest(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function cleanUp() {
  // Fails if anything is still mounted there: never delete through a mount.
  for (const name of mountPoints) {
    const path = join(root, name);
    if (existsSync(path)) rmdirSync(path);
  }
  rmSync(root, { recursive: true, force: true });
}
