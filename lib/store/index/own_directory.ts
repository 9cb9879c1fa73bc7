// A directory whose files are trusted: it belongs to the user running fixelf, and no other user may write to it.
//
// `sudo -E` keeps the caller's HOME, and root must neither trust nor write through what the caller has planted in the
// cache. So the directory is opened once, without following a link, and checked by its descriptor; its files are
// reached through that descriptor, wherever the directory may be moved in the meantime. (Node has no openat(2), hence
// /proc/self/fd/N.)
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

/** Closes what was never closed explicitly. */
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
   * null if there is none.
   * @throws FixelfError `permission-denied` if it is another user's or a link, `io`
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

  /** Creates it if it does not exist, for this user only. @throws FixelfError as `open`, `no-space` */
  static make(path: string): OwnDirectory {
    const there = OwnDirectory.open(path);
    if (there !== null) return there;
    makeOwnDirectory(path);
    const made = OwnDirectory.open(path);
    if (made !== null) return made;
    throw new FixelfError("io", `${path} was removed as soon as it was made`, { path });
  }

  /** Whether it still exists. */
  isThere(): boolean {
    return fstatSync(this.descriptor).nlink > 0;
  }

  names(): string[] {
    return this.#tried("list", ".", (path) => readdirSync(path));
  }

  /** null if there is none. @throws IndexDamage if it is not a regular file that only this user may write to */
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

  /** Changes whenever another file is put in its place; null if there is none. */
  identity(name: string): string | null {
    return this.#tried("look at", name, (path) => {
      const state = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      return state === undefined ? null : `${state.ino} ${state.mtimeNs} ${state.ctimeNs}`;
    });
  }

  /** A new, empty file, replacing whatever has the name. */
  create(name: string): NewFile {
    this.remove(name);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = this.#tried("make", name, (path) => openSync(path, flags, 0o600));
    return new NewFile(descriptor, join(this.path, name));
  }

  /** Replaces whatever has the new name. */
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

  /** A file, a link, or a directory with its contents. */
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
  /** Bytes. The file is no longer written to. */
  readonly size: number;

  constructor(descriptor: number, name: string, size: number) {
    super(descriptor);
    this.name = name;
    this.size = size;
  }

  /** @throws IndexDamage if it has no such bytes, or the disk fails to deliver them @internal */
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

/** Open for writing, from beginning to end. */
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
