// The descriptors that this process was started with, besides the standard ones: for example a shell's `3<file` and
// `<(command)`. Node has marked them to be closed, like those that it opened itself.
import { existsSync, readdirSync, readFileSync, readlinkSync } from "../base/disk.js";

interface OpenFile {
  number: number;
  /** How /proc identifies it. */
  target: string;
  /** O_ACCMODE. */
  access: number;
}

/**
 * To be called before anything is opened. Anonymous files (epoll, eventfd) and pipes with both ends in this process are
 * Node's own; so are a second descriptor for the terminal, and the last one for /dev/null.
 */
export function inheritedDescriptors(): number[] {
  const all = openFiles();
  const standard = new Set(all.filter(({ number }) => number <= 2).map(({ target }) => target));
  const others = all.filter(({ number }) => number > 2);
  const nothing = others.findLast(({ target }) => target === "/dev/null");
  const bothEnds = (pipe: string) =>
    new Set(others.filter(({ target }) => target === pipe).map(({ access }) => access)).size > 1;
  return others
    .filter((file) => file !== nothing && !file.target.startsWith("anon_inode:"))
    .filter(({ target }) => !(target.startsWith("pipe:") && bothEnds(target)))
    .filter(({ target }) => !(target.startsWith("/dev/pts/") && standard.has(target)))
    .map(({ number }) => number);
}

/** Empty if there is no /proc to list them. */
function openFiles(): OpenFile[] {
  if (!existsSync("/proc/self/fd")) return [];
  const files = readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"));
      const access = Number.parseInt(flags?.[1] ?? "0", 8) & 3;
      return [{ number: Number(name), target, access }];
    } catch {
      return []; // that of readdir itself
    }
  });
  return files.sort((first, second) => first.number - second.number);
}
