// A directory that is held open while something is written into it.
//
// Whoever owns it, or one above it, may put a link in its place at any time. So it is found once, as
// native/base/location does, and its files are reached through its descriptor, wherever somebody moves it
// meanwhile. (Node has no openat(2): /proc/self/fd/N is the way. Where there is no /proc, as in a bare chroot, they
// are reached by its path.)
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

  /** One that a user has named, made where it is not there. @throws FixelfError `permission-denied`, `no-space`, `io` */
  static make(path: string): HeldDirectory {
    return new HeldDirectory(path, native.makeDirectory(path));
  }

  /** The one of a file, which has the name that `native.realTarget` gives it. */
  static of(target: string): HeldDirectory {
    return HeldDirectory.make(dirname(target));
  }

  /**
   * One in it, of this user's own, made where it is not there.
   * @throws FixelfError `permission-denied` where it is another's; NodeJS.ErrnoException where it is no directory
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

  /** Does something in it, and lets go of it. What fails names it by its path. */
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
