// A directory that is held open while something is written into it.
//
// Its owner, or that of a directory above it, may put a link in its place at any time. So it is looked up once, as
// native/base/location does, and its files are reached through its descriptor, wherever it may be moved in the
// meantime. (Node has no openat(2), hence /proc/self/fd/N. Without /proc, as in a bare chroot, they are reached by its
// path.)
import { dirname, join } from "node:path";
import { native } from "../addon/native.js";
import { closeSync, constants, existsSync, mkdirSync, openSync } from "../base/disk.js";

export class HeldDirectory {
  /** For messages. */
  readonly path: string;
  readonly #descriptor: number;
  readonly #way: string;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
    const held = `/proc/self/fd/${descriptor}`;
    this.#way = existsSync(held) ? held : path;
  }

  /** One that a user has named, made if missing. @throws FixelfError `permission-denied`, `no-space`, `io` */
  static make(path: string): HeldDirectory {
    return new HeldDirectory(path, native.makeDirectory(path));
  }

  /** The directory of a file, named as `native.realTarget` names it. */
  static of(target: string): HeldDirectory {
    return HeldDirectory.make(dirname(target));
  }

  /**
   * A subdirectory that belongs to this user, made if missing.
   * @throws FixelfError `permission-denied` if it is another user's; NodeJS.ErrnoException if it is not a directory
   */
  own(name: string): HeldDirectory {
    try {
      mkdirSync(this.at(name), { mode: 0o755 });
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code !== "EEXIST") throw failure;
    }
    const path = join(this.path, name);
    const descriptor = openSync(this.at(name), constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      native.demandOwn(descriptor, path);
    } catch (failure) {
      closeSync(descriptor);
      throw failure;
    }
    return new HeldDirectory(path, descriptor);
  }

  /** A name in it, for calls that take a path. */
  at(name: string): string {
    return `${this.#way}/${name}`;
  }

  /** Runs an action in it, then releases it. Errors name it by its path. */
  async during<T>(action: (directory: this) => Promise<T>): Promise<T> {
    try {
      return await action(this);
    } catch (failure) {
      throw this.#named(failure as NodeJS.ErrnoException);
    } finally {
      closeSync(this.#descriptor);
    }
  }

  #named(failure: NodeJS.ErrnoException): Error {
    const name = (text: string) => text.replaceAll(this.at(""), () => join(this.path, "/"));
    if (failure.path !== undefined) {
      failure.path = name(failure.path);
      failure.message = name(failure.message);
    }
    return failure;
  }
}
