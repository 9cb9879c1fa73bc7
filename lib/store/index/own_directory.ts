// A directory whose files are believed: it belongs to the user that runs fixelf, and nobody else may write to it.
//
// `sudo -E` keeps the caller's HOME, and what the caller has planted in the cache must neither be
// believed by root nor be written through. So the directory is opened once, without following a
// link, and looked at by its descriptor; its files are reached through that descriptor, wherever
// somebody moves the directory meanwhile. (Node has no openat(2): /proc/self/fd/N is the way.)
import { join } from "node:path";
import { native } from "../../addon/native.js";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "../../base/disk.js";
import { FixelfError } from "../../base/errors.js";
import { makeOwnDirectory } from "../../file/own_directory.js";
import { IndexDamage } from "./damage.js";

/** Closes what nobody closed. */
const forgotten = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));

class Opened {
  readonly descriptor: number;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
    forgotten.register(this, descriptor, this);
  }

  close(): void {
    if (forgotten.unregister(this)) closeSync(this.descriptor);
  }
}

export class OwnDirectory extends Opened {
  readonly path: string;

  private constructor(path: string, descriptor: number) {
    super(descriptor);
    this.path = path;
  }

  /**
   * null where there is none.
   * @throws FixelfError `permission-denied` where it is another's or a link, `io`
   */
  static open(path: string): OwnDirectory | null {
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_DIRECTORY | constants.O_NOFOLLOW);
    } catch (failure) {
      if (isAbsence(failure)) return null;
      throw asFixelfError(failure, "open the directory", path);
    }
    const directory = new OwnDirectory(path, descriptor);
    try {
      native.demandOwn(descriptor, path);
      return directory;
    } catch (failure) {
      directory.close();
      throw failure;
    }
  }

  /** Made where it is not there, for this user alone. @throws FixelfError as `open`, `no-space` */
  static make(path: string): OwnDirectory {
    const there = OwnDirectory.open(path);
    if (there !== null) return there;
    makeOwnDirectory(path);
    const made = OwnDirectory.open(path);
    if (made !== null) return made;
    throw new FixelfError("io", `${path} was removed as soon as it was made`, { path });
  }

  /** Whether nobody has removed it since. */
  isThere(): boolean {
    return fstatSync(this.descriptor).nlink > 0;
  }

  names(): string[] {
    return this.#tried("list", ".", (path) => readdirSync(path));
  }

  /** null where there is none. @throws IndexDamage where it is no regular file of this user's alone */
  open(name: string): OwnFile | null {
    // Without O_NONBLOCK, a FIFO would wait for a writer.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    let descriptor: number;
    try {
      descriptor = openSync(this.#at(name), flags);
    } catch (failure) {
      if (isAbsence(failure)) return null;
      const { code } = failure as NodeJS.ErrnoException;
      if (code === "ELOOP") throw new IndexDamage(`${name} is a symbolic link`);
      // A socket, or a device without a driver.
      if (code === "ENXIO") throw new IndexDamage(`${name} is not a regular file`);
      throw asFixelfError(failure, "open", join(this.path, name));
    }
    const state = fstatSync(descriptor);
    const file = new OwnFile(descriptor, name, state.size);
    try {
      if (!state.isFile()) throw new IndexDamage(`${name} is no regular file`);
      native.demandOwn(descriptor, join(this.path, name));
      return file;
    } catch (failure) {
      file.close();
      throw new IndexDamage((failure as Error).message);
    }
  }

  /** What changes whenever another file is put in its place; null where there is none. */
  identity(name: string): string | null {
    return this.#tried("look at", name, (path) => {
      const state = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      return state === undefined ? null : `${state.ino} ${state.mtimeNs} ${state.ctimeNs}`;
    });
  }

  /** A new and empty file, in the place of what has the name. */
  create(name: string): NewFile {
    this.remove(name);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = this.#tried("make", name, (path) => openSync(path, flags, 0o600));
    return new NewFile(descriptor, join(this.path, name));
  }

  /** In the place of what has the new name. */
  rename(from: string, to: string): void {
    const rename = () => this.#tried("rename", from, (path) => renameSync(path, this.#at(to)));
    try {
      rename();
    } catch (failure) {
      const cause = (failure as FixelfError).cause as NodeJS.ErrnoException;
      if (cause.code !== "EISDIR") throw failure;
      this.remove(to);
      rename();
    }
  }

  /** A file, a link, or a directory with what it holds. */
  remove(name: string): void {
    this.#tried("remove", name, (path) => rmSync(path, { recursive: true, force: true }));
  }

  #at(name: string): string {
    return `/proc/self/fd/${this.descriptor}/${name}`;
  }

  #tried<T>(doing: string, name: string, action: (path: string) => T): T {
    try {
      return action(this.#at(name));
    } catch (failure) {
      throw asFixelfError(failure, doing, join(this.path, name));
    }
  }
}

/** Open for reading. */
export class OwnFile extends Opened {
  readonly name: string;
  /** Bytes. Nobody writes to it any more. */
  readonly size: number;

  constructor(descriptor: number, name: string, size: number) {
    super(descriptor);
    this.name = name;
    this.size = size;
  }

  /** @throws IndexDamage where it has no such bytes, or the disk does not give them @internal */
  read(offset: number, size: number): Buffer {
    if (offset < 0 || size < 0 || size > this.size - offset)
      throw new IndexDamage(`${this.name} ends too early`);
    const bytes = Buffer.allocUnsafe(size);
    for (let at = 0; at < size; ) {
      const count = this.#readAt(bytes, at, offset + at);
      if (count === 0) throw new IndexDamage(`${this.name} ends too early`);
      at += count;
    }
    return bytes;
  }

  #readAt(bytes: Buffer, at: number, position: number): number {
    try {
      return readSync(this.descriptor, bytes, at, bytes.length - at, position);
    } catch (failure) {
      const { code } = failure as NodeJS.ErrnoException;
      throw new IndexDamage(`${this.name} cannot be read (${code})`);
    }
  }
}

/** Open for writing, from the beginning to the end. */
export class NewFile extends Opened {
  readonly #path: string;

  constructor(descriptor: number, path: string) {
    super(descriptor);
    this.#path = path;
  }

  /** @throws FixelfError `no-space` or `io` @internal */
  write(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at);
    } catch (failure) {
      throw asFixelfError(failure, "write", this.#path);
    }
  }
}

export function isAbsence(failure: unknown): boolean {
  return (failure as NodeJS.ErrnoException).code === "ENOENT";
}

function asFixelfError(failure: unknown, doing: string, path: string): FixelfError {
  const { code = "" } = failure as NodeJS.ErrnoException;
  const known = ["ENOSPC", "EDQUOT", "EFBIG"].includes(code)
    ? "no-space"
    : ["EACCES", "EPERM", "EROFS", "ELOOP"].includes(code)
      ? "permission-denied"
      : ["EMFILE", "ENFILE"].includes(code)
        ? "too-many-open-files"
        : "io";
  return new FixelfError(known, `cannot ${doing} ${path} (${code})`, { path, cause: failure });
}
