// The descriptors that this process was started with, beside the standard ones: a shell's `3<file`
// and `<(command)` are such. Node has marked them to be closed, like those that it opened itself.
import { readdirSync, readlinkSync } from "node:fs";

/**
 * To be called before anything is opened. What is anonymous (epoll, eventfd) and pipes with both ends
 * in this process are Node's own; so is a second descriptor of the terminal.
 */
export function inheritedDescriptors(): number[] {
  const all = descriptors();
  const standard = new Set(all.filter(({ number }) => number <= 2).map(({ target }) => target));
  const others = all.filter(({ number }) => number > 2);
  const ends = (target: string) => others.filter((other) => other.target === target).length;
  return others
    .filter(({ target }) => !target.startsWith("anon_inode:"))
    .filter(({ target }) => !(target.startsWith("pipe:") && ends(target) > 1))
    .filter(({ target }) => !(target.startsWith("/dev/pts/") && standard.has(target)))
    .map(({ number }) => number);
}

function descriptors(): { number: number; target: string }[] {
  const here = "/proc/self/fd";
  return readdirSync(here).flatMap((name) => {
    try {
      return [{ number: Number(name), target: readlinkSync(`${here}/${name}`) }];
    } catch {
      return []; // that of readdir itself
    }
  });
}
