// Builds what a Containerfile describes, with buildah, and starts what was built. Images are kept in the test's own
// directory, and come from nowhere else; what is mounted meanwhile is visible only to buildah.
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unshare } from "./needs.js";

/** An image named in FROM, besides the parts of this machine that RUN has. */
interface Base {
  /** Including the registry's name. */
  name: string;
  /** The directory of its root. */
  root: string;
  variables?: Record<string, string>;
}

/** One directory with images. */
export class Images {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of ["storage", "run", "tmp"])
      mkdirSync(join(directory, name), { recursive: true });
    writeFileSync(this.#registries, "");
  }

  get #registries(): string {
    return join(this.#directory, "registries.conf");
  }

  /**
   * Returns buildah's output without the last line's end. Throws if it fails, with its messages.
   */
  #buildah(command: string, ...words: string[]): string {
    const place = (name: string) => join(this.#directory, name);
    const storage = ["--root", place("storage"), "--runroot", place("run")];
    const settings = [...storage, "--storage-driver", "vfs", "--registries-conf", this.#registries];
    const all = [...unshare.slice(1), "/bin/sh", "-euc", hidden, ...settings, command, ...words];
    return execFileSync(unshare[0] as string, all, {
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: this.#directory, TMPDIR: place("tmp") },
    }).trimEnd();
  }

  /** Adds an image, in which this machine's program and library directories are mounted during builds. */
  add({ name, root, variables = {} }: Base): void {
    for (const directory of directories)
      if (lstatSync(`/${directory}`, { throwIfNoEntry: false })?.isSymbolicLink())
        symlinkSync(readlinkSync(`/${directory}`), join(root, directory));
    mkdirSync(join(root, "tmp"), { recursive: true });
    const container = this.#buildah("from", "scratch");
    this.#buildah("copy", "--quiet", container, root, "/");
    const settings = Object.entries(variables).flatMap((pair) => ["--env", pair.join("=")]);
    if (settings.length > 0) this.#buildah("config", ...settings, container);
    this.#buildah("commit", "--quiet", "--rm", container, name);
  }

  /** Builds the last stage, and returns its name. */
  build(text: string, context: string): string {
    const file = join(this.#directory, "Containerfile");
    writeFileSync(file, text);
    const volumes = directories
      .filter((name) => lstatSync(`/${name}`, { throwIfNoEntry: false })?.isDirectory())
      .map((name) => ["--volume", `/${name}:/${name}:ro`]);
    const options = ["--pull-never", "--isolation", "chroot", "--file", file, ...volumes.flat()];
    const name = "localhost/built";
    this.#buildah("build", "--quiet", ...options, "--tag", name, context);
    return name;
  }

  /**
   * Returns the output of the image's entry point; it has the image's root and variables, and
   * nothing else.
   */
  start(name: string, ...words: string[]): string {
    const image = JSON.parse(this.#buildah("inspect", "--type", "image", name));
    const entry: string[] = image.OCIv1.config.Entrypoint;
    const container = this.#buildah("from", "--pull-never", name);
    try {
      return this.#buildah("run", "--isolation", "chroot", container, "--", ...entry, ...words);
    } finally {
      this.#buildah("rm", container);
    }
  }
}

/** Root's cache of registry contents has a fixed place (containers/image's pkg/blobinfocache/default.go). */
const hidden = 'mount -t tmpfs none /var/lib; exec buildah "$0" "$@"';

/** Where a machine has its programs and their libraries. */
const directories = ["usr", "bin", "lib", "lib64"];
