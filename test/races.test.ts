// Root changes files in a tree whose owner meanwhile swaps one of its directories for a link to somewhere else: as fast
// as possible, or when inotify reports that root has opened, created or renamed something there. Nothing outside may
// change, not even for a moment: inotify reports nothing about the directory there, and neither it nor its file gets
// another st_ctim, which nobody can set back.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { edit, type FixelfErrorCode, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const somebody = 4711;
/** How often each way is tried; FIXELF_RACES asks for more. */
const races = Number(process.env.FIXELF_RACES ?? 100);

const swap = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
static void swap(char **path) {
  if (syscall(SYS_renameat2, AT_FDCWD, path[1], AT_FDCWD, path[2], 2 /* RENAME_EXCHANGE */)) exit(1);
}
static void ready(void) { puts("ready"), fflush(stdout); }
/* Another time each turn: from none to what a change takes. */
static void wait(unsigned turn, unsigned most) {
  for (volatile unsigned left = (turn * 7919) % most; left > 0; --left);
}`;

/** What swaps, run as the file's owner. */
const attackers = {
  "at any time": `${swap}
int main(int count, char **path) {
  for (unsigned turn = 0;; ++turn) {
    swap(path);
    if (turn == 2) ready();
    wait(turn, 3000000);
  }
}`,
  // One of the events that a change and its undo cause, another one each turn.
  "by inotify": `${swap}
int main(int count, char **path) {
  const int events = inotify_init1(IN_CLOEXEC);
  if (inotify_add_watch(events, path[1], IN_ALL_EVENTS) < 0) return 1;
  ready();
  char buffer[sizeof(struct inotify_event) + NAME_MAX + 1];
  for (unsigned turn = 0;; ++turn) {
    for (unsigned left = turn % 32 + 1; left > 0;) {
      const ssize_t length = read(events, buffer, sizeof buffer);
      for (ssize_t at = 0; at < length && left > 0; --left)
        at += sizeof(struct inotify_event) + ((struct inotify_event *)(buffer + at))->len;
    }
    swap(path);
    wait(turn, 300000);
    swap(path);
    for (int more = 0; ioctl(events, FIONREAD, &more) == 0 && more > 0;)
      if (read(events, buffer, sizeof buffer) < 0) return 1;
  }
}`,
};

describe("a directory that is swapped for a link", needs("gcc", "root", "setpriv"), () => {
  const directory = scratchDirectory();
  const tree = join(directory, "tree");
  const outside = join(directory, "outside");
  const program = join(tree, "bin/program");
  const stampsOutside = () =>
    [outside, join(outside, "program")].map((path) => {
      const { ino, ctimeNs } = statSync(path, { bigint: true });
      return { path, ino, ctimeNs };
    });

  beforeAll(() => {
    mkdirSync(outside, { mode: 0o700 });
    compile(program, "int main(void) { return 0; }");
    copyFileSync(program, join(outside, "program"));
    symlinkSync(outside, join(tree, "link"));
    execFileSync("chown", ["-hR", `${somebody}:${somebody}`, tree]);
    chownSync(directory, somebody, somebody);
  });

  async function attack(source: string): Promise<() => Promise<void>> {
    const attacker = compile(join(directory, "attacker"), source);
    const user = [`--reuid=${somebody}`, `--regid=${somebody}`, "--clear-groups"];
    const paths = [join(tree, "bin"), join(tree, "link")];
    const process = spawn("setpriv", [...user, attacker, ...paths], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(process, "exit");
    await once(process.stdout, "data");
    return async () => {
      process.kill("SIGKILL");
      await ended;
      if (lstatSync(join(tree, "bin")).isSymbolicLink()) {
        renameSync(join(tree, "link"), join(tree, "real"));
        renameSync(join(tree, "bin"), join(tree, "link"));
        renameSync(join(tree, "real"), join(tree, "bin"));
      }
    };
  }

  describe.each(Object.entries(attackers))("%s", (_, source) => {
    it.each([
      ["put in place", false],
      ["changed in place", true],
    ])(
      "does not affect anything outside when a file is %s, and restored",
      { timeout: 3_600_000 },
      async (_, inPlace) => {
        const end = await attack(source);
        const seen: string[] = [];
        const watcher = watch(outside, (event, name) => seen.push(`${event} ${name}`));
        const stamps = stampsOutside();
        // A link that exists when the path is named is refused at once: that is not a race.
        const done = { edits: 0, undos: 0, refusals: 0, named: 0 };
        const refuse = ({ code }: { code: FixelfErrorCode }) =>
          code === "permission-denied" ? done.named++ : done.refusals++;
        const raced = () => done.edits + done.undos + done.refusals;
        // Until the attacker has struck in time at least once.
        const enough = () => raced() >= races && done.refusals > 0;
        for (let turn = 0; !enough() && turn < 1000 * races; ++turn) {
          await edit(program, { interpreter: `/nowhere/${turn}` }, { inPlace }).then(
            () => done.edits++,
            refuse,
          );
          const outcomes = await undo([program]).catch(refuse);
          if (typeof outcomes === "number") continue;
          for (const { error } of outcomes) {
            if (error === null) done.undos++;
            else refuse(error);
          }
        }
        await end();
        expect(stampsOutside()).toEqual(stamps);
        // Events come in order: there was none before this one.
        writeFileSync(join(outside, "last"), "");
        while (!seen.includes("rename last")) await once(watcher, "change");
        watcher.close();
        rmSync(join(outside, "last"));
        expect(seen.slice(0, seen.indexOf("rename last"))).toEqual([]);
        expect(raced()).toBeGreaterThanOrEqual(races);
        for (const what of ["edits", "undos", "refusals"] as const)
          expect(done[what], JSON.stringify(done)).toBeGreaterThan(0);
      },
    );
  });
});
