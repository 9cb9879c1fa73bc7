// In a chroot without a mounted /proc.
import { copyFileSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { commandLine, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();

it(
  "without /proc, a file can be changed and restored, and run",
  needs("gcc", "glibc's loader", "mount namespaces"),
  () => {
    const loader = realpathSync("/lib64/ld-linux-x86-64.so.2");
    const original = compile(join(directory, "original"), "int main(void) { return 7; }");
    const program = join(directory, "program");
    copyFileSync(original, program);
    const hidden = (...words: string[]) => {
      const script = 'mount -t tmpfs none /proc && exec "$@"';
      const env = { XDG_STATE_HOME: join(directory, "state") };
      return run([...unshare, "/bin/sh", "-c", script, "sh", ...commandLine, ...words], { env });
    };
    expect(hidden("patchelf", "--set-rpath", "/x", program)).toMatchObject({ code: 0, stderr: "" });
    expect(run([...commandLine, "patchelf", "--print-rpath", program]).stdout).toBe("/x\n");
    copyFileSync(original, program);
    const fixed = hidden("fix", "--no-gc-root", "--interpreter", loader, program);
    expect(fixed.code, fixed.stderr).toBe(0);
    expect(hidden("undo", program).code).toBe(0);
    const scan = ["scan", "--no-index", program, "--format", "csv", "--output"];
    expect(hidden(...scan, join(directory, "rows"))).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(directory, "rows"), "utf8")).toContain(program);
    expect(readFileSync(program)).toEqual(readFileSync(original));
    const ran = hidden("run", "--store", directory, program);
    expect(ran, ran.stderr).toMatchObject({ code: 7 });
  },
);
