// Root changes files in a tree whose owner meanwhile swaps a directory of it for a link to somewhere
// else, as fast as he can. Outside nothing may change, not for a moment: neither the file there nor its
// directory gets another st_ctim, which nobody can set back.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, copyFileSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { edit, type FixelfErrorCode, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const somebody = 4711;
/** How often each way is tried; FIXELF_RACES asks for more. */
const races = Number(process.env.FIXELF_RACES ?? 100);

const swapper = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>
int main(int count, char **path) {
  for (unsigned turn = 0;; ++turn) {
    if (syscall(SYS_renameat2, AT_FDCWD, path[1], AT_FDCWD, path[2], 2 /* RENAME_EXCHANGE */)) return 1;
    if (turn == 2) puts("swapping"), fflush(stdout);
    /* Another time each turn: from none to what a change takes. */
    for (volatile unsigned wait = (turn * 7919) % 3000000; wait > 0; --wait);
  }
}`;

describe("a directory that is swapped for a link", needs("gcc", "root", "setpriv"), () => {
  const directory = scratchDirectory();
  const tree = join(directory, "tree");
  const outside = join(directory, "outside");
  const program = join(tree, "bin/program");
  let attacker: ChildProcess;

  const stampsOutside = () =>
    [outside, join(outside, "program")].map((path) => {
      const { ino, ctimeNs } = statSync(path, { bigint: true });
      return { path, ino, ctimeNs };
    });

  beforeAll(async () => {
    mkdirSync(outside, { mode: 0o700 });
    compile(program, "int main(void) { return 0; }");
    copyFileSync(program, join(outside, "program"));
    const swap = compile(join(directory, "swap"), swapper);
    symlinkSync(outside, join(tree, "link"));
    execFileSync("chown", ["-hR", `${somebody}:${somebody}`, tree]);
    chownSync(directory, somebody, somebody);
    const user = [`--reuid=${somebody}`, `--regid=${somebody}`, "--clear-groups"];
    const paths = [join(tree, "bin"), join(tree, "link")];
    attacker = spawn("setpriv", [...user, swap, ...paths], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (attacker.stdout === null) throw new Error("no pipe");
    await once(attacker.stdout, "data");
  });
  afterAll(async () => {
    const ended = once(attacker, "exit");
    attacker.kill("SIGKILL");
    await ended;
  });

  it.each([
    ["put in place", false],
    ["changed in place", true],
  ])("a file that is %s, and taken back", { timeout: 600_000 }, async (_, inPlace) => {
    const stamps = stampsOutside();
    // A link that is there when the path is named is refused at once: that is no race.
    const done = { edits: 0, undos: 0, refusals: 0, named: 0 };
    const refuse = ({ code }: { code: FixelfErrorCode }) =>
      code === "permission-denied" ? done.named++ : done.refusals++;
    const raced = () => done.edits + done.undos + done.refusals;
    for (let turn = 0; raced() < races && turn < 1000 * races; ++turn) {
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
    expect(stampsOutside()).toEqual(stamps);
    expect(raced()).toBeGreaterThanOrEqual(races);
    for (const count of Object.values(done)) expect(count).toBeGreaterThan(0);
  });
});
