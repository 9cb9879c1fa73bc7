// The default directories that are read from a loader are those that it reports itself. They are
// always read: asking would mean running a program named by a file, without knowing what it does.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { resolveWith } from "../lib/addon/resolutions.js";
import { machines, partsOf } from "./resolution/machines.js";
import { needs } from "./support/needs.js";
import { ownLibc } from "./support/store.js";

for (const machine of machines.filter(({ name }) => name !== "musl")) {
  const { name, loader, emulator } = machine;
  describe(`the loader for ${name}`, needs(...partsOf(machine)), () => {
    it("searches the directories that --list-diagnostics shows", async () => {
      const [command = "", ...args] = [...(emulator === null ? [] : [emulator]), loader];
      const shown = execFileSync(command, [...args, "--list-diagnostics"], { encoding: "utf8" });
      const told = [...shown.matchAll(/^path\.system_dirs\[.*\]="(.*)\/"$/gm)].map(
        ([, path]) => path,
      );
      expect(told.length).toBeGreaterThan(0);
      const options = { interpreter: loader };
      const libc = name === "x86-64" ? ownLibc() : join(dirname(loader), "libc.so.6");
      const { defaultDirectories } = await resolveWith(new native.Files(""), libc, options);
      expect(defaultDirectories).toEqual(told);
    });
  });
}
