// node:fs for names that are bytes (bytes.ts): the same functions under the same names. Node itself turns an escaped
// byte into EF BF BD, and a byte that it reads into U+FFFD. Everything in lib/ reaches the disk through here, which
// test/architecture.test.ts checks.
import * as fs from "node:fs";
import { bufferOf, isUnicode, textOf } from "./bytes.js";
import { isPromise, isUint8Array } from "./realms.js";

export {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  readSync,
  type Stats,
  writeSync,
} from "node:fs";
export type { FileHandle } from "node:fs/promises";

export const accessSync = given(fs.accessSync);
export const createReadStream = given(fs.createReadStream);
export const createWriteStream = given(fs.createWriteStream);
export const existsSync = given(fs.existsSync);
export const lstatSync = given(fs.lstatSync);
export const mkdirSync = given(fs.mkdirSync);
export const openSync = given(fs.openSync);
export const renameSync = given(fs.renameSync);
export const rmSync = given(fs.rmSync);
export const rmdirSync = given(fs.rmdirSync);
export const statSync = given(fs.statSync);
export const utimesSync = given(fs.utimesSync);

export const readdirSync = answered(given(fs.readdirSync));
export const readlinkSync = answered(given(fs.readlinkSync));
/** realpath(3)'s result: Node's own function decodes each part. */
export const realpathSync = answered(given(fs.realpathSync.native));

export const access = given(late("access"));
export const link = given(late("link"));
export const lstat = given(late("lstat"));
export const mkdir = given(late("mkdir"));
export const open = given(late("open"));
export const rename = given(late("rename"));
export const rm = given(late("rm"));
export const rmdir = given(late("rmdir"));
export const stat = given(late("stat"));
export const symlink = given(late("symlink"));
export const unlink = given(late("unlink"));
export const writeFile = given(late("writeFile"));

export const readdir = answered(given(late("readdir")));
export const readlink = answered(given(late("readlink")));
export const realpath = answered(given(late("realpath")));

export const readFile = read(given(late("readFile")));
export const readFileSync = read(given(fs.readFileSync));

type Call = (...given: unknown[]) => unknown;

/** One of `fs.promises`, which makes Node compile it, with readline and watchers, when it is first accessed. */
function late<Name extends keyof typeof fs.promises>(name: Name): (typeof fs.promises)[Name] {
  return ((...values: unknown[]) => (fs.promises[name] as Call)(...values)) as never;
}

/** Arguments with escaped bytes, a path or a file's text, are passed as bytes. */
function given<Function>(call: Function): Function {
  const whole = call as Call;
  return ((...values: unknown[]) => {
    if (!values.some(isEscaped)) return whole(...values);
    const rename = (failure: unknown): never => {
      throw renamed(failure as NodeJS.ErrnoException, values.filter(isEscaped));
    };
    try {
      const answer = whole(...values.map((value) => (isEscaped(value) ? bufferOf(value) : value)));
      return isPromise(answer) ? answer.catch(rename) : answer;
    } catch (failure) {
      return rename(failure);
    }
  }) as Function;
}

function isEscaped(value: unknown): value is string {
  return typeof value === "string" && !isUnicode(value);
}

/** Node's errors name the path as it decodes it. */
function renamed(failure: NodeJS.ErrnoException, names: readonly string[]): Error {
  for (const name of names) {
    const decoded = bufferOf(name).toString();
    failure.message = failure.message.replaceAll(decoded, () => name);
    if (failure.path === decoded) failure.path = name;
  }
  return failure;
}

/** If Node could not decode its result, it is asked again for the bytes. */
function answered<Function>(call: Function): Function {
  const whole = call as Call;
  return ((name: unknown, options?: unknown, ...more: unknown[]) => {
    const answer = whole(name, options, ...more);
    const again = () => {
      const others = typeof options === "object" ? options : {};
      return whole(name, { ...others, encoding: "buffer" }, ...more);
    };
    if (isPromise(answer))
      return answer.then(async (value) => (isDecoded(value) ? value : textsOf(await again())));
    return isDecoded(answer) ? answer : textsOf(again());
  }) as Function;
}

/** A file's text is decoded from its bytes here. */
function read<Function>(call: Function): Function {
  const whole = call as Call;
  return ((file: unknown, options?: unknown) => {
    if (options !== "utf8") return whole(file, options);
    const bytes = whole(file);
    return isPromise(bytes) ? bytes.then((all) => textOf(all as Buffer)) : textOf(bytes as Buffer);
  }) as Function;
}

type Answer = string | Uint8Array | { name: string | Uint8Array };

function isDecoded(answer: unknown): boolean {
  if (Array.isArray(answer)) return answer.every(isDecoded);
  if (isUint8Array(answer)) return true;
  const text = typeof answer === "string" ? answer : (answer as fs.Dirent).name;
  return !text.includes("\ufffd");
}

function textsOf(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(textsOf);
  if (isUint8Array(answer)) return textOf(answer);
  const entry = answer as { name: Answer };
  return Object.assign(entry, { name: textsOf(entry.name) });
}
