// Programs, and the cache of fixed copies, on a file system mounted noexec.
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

describe("run on a noexec mount", needs("gcc", "glibc's loader", "mount namespaces"), () => {
  const directory = scratchDirectory();
  const program = join(directory, "program");
  const mounted = scratchDirectory();
  const layOut = 'mount -t tmpfs -o noexec none "$1" && cp "$2" "$1" && shift 2 && "$@"';
  const by = [...unshare, "/bin/sh", "-c", layOut, "sh", mounted, program];
  const chosen = ["--lib", join(directory, "lib"), "--interpreter", "/lib64/ld-linux-x86-64.so.2"];

  beforeAll(() => {
    const library = compile(
      join(directory, "lib/libown.so"),
      "int own(void) { return 0; }",
      ...["-shared", "-Wl,-soname,libown.so"],
    );
    compile(program, "int own(void); int main(void) { return own(); }", library);
  });

  it("reports why the program is not started", () => {
    const { code, stderr } = fixelf(["run", ...chosen, join(mounted, "program")], { by });
    expect(code).toBe(126);
    expect(stderr).toMatch(/\/program: it is on a file system .* \(noexec\); copy it to another/);
    expect(stderr).not.toContain("chmod");
  });

  it("reports why a copy in the cache would not be started", () => {
    const env = { XDG_CACHE_HOME: join(mounted, "cache") };
    const { code, stderr } = fixelf(["run", "--how", "copy", ...chosen, program], { by, env });
    expect(code).toBe(126);
    expect(stderr).toMatch(/\(noexec\); set XDG_CACHE_HOME to a directory elsewhere/);
  });
});
