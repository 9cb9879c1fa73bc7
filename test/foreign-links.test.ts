// Root writes where another user has put links: their targets are changed only if they belong to
// that user.
import { createHash } from "node:crypto";
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeFarm } from "../lib/environment/farm.js";
import { watch } from "../lib/index.js";
import { storePlace } from "../lib/store/place.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const somebody = 4711;

describe("another user's links", needs("gcc", "root"), () => {
  const directory = scratchDirectory();
  const theirs = join(directory, "theirs");
  const roots = join(directory, "roots");
  const link = join(theirs, "link");
  const program = join(directory, "program");

  beforeAll(() => {
    compile(program, "int main(void) { return 0; }");
  });
  beforeEach(() => {
    for (const each of [theirs, roots]) {
      rmSync(each, { recursive: true, force: true });
      mkdirSync(each);
    }
    chownSync(theirs, somebody, somebody);
    writeFileSync(join(roots, "file"), "root's");
  });

  const plant = (target: string, path = link) => {
    symlinkSync(target, path);
    lchownSync(path, somebody, somebody);
  };
  const untouched = () => {
    expect(readdirSync(roots)).toEqual(["file"]);
    expect(readFileSync(join(roots, "file"), "utf8")).toBe("root's");
  };

  const outputs: [string, (output: string) => string[]][] = [
    ["scan", (output) => ["scan", "--no-index", program, "--format", "csv", "--output", output]],
    ["patchelf", (output) => ["patchelf", "--set-rpath", "/x", "--output", output, program]],
  ];
  describe.each(outputs)("in the --output of %s", (_, words) => {
    it.each([
      ["to a file", () => join(roots, "file"), link],
      ["to nothing", () => join(roots, "none"), link],
      ["to a directory", () => roots, join(link, "out")],
    ])("%s of root's are refused", (_, target, output) => {
      plant(target());
      const { code, stderr } = fixelf(words(output));
      expect(code).not.toBe(0);
      expect(stderr).toContain(`${link} is a symbolic link of user ${somebody}`);
      untouched();
    });

    it("to that user's own files are followed, and so are root's own links", () => {
      plant("file", link);
      expect(fixelf(words(link))).toMatchObject({ stderr: "", code: 0 });
      expect(readlinkSync(link)).toBe("file");
      expect(statSync(join(theirs, "file")).size).toBeGreaterThan(0);
      symlinkSync(join(roots, "none"), join(roots, "own"));
      expect(fixelf(words(join(roots, "own"))).code).toBe(0);
      expect(statSync(join(roots, "none")).size).toBeGreaterThan(0);
    });
  });

  it("to a directory of root's are not watched", () => {
    plant(roots);
    for (const path of [link, join(link, "later")])
      expect(() => watch([path])).toThrow(`${link} is a symbolic link of user ${somebody}`);
    plant("later", join(theirs, "own"));
    mkdirSync(join(theirs, "later"));
    chownSync(join(theirs, "later"), somebody, somebody);
    expect(() => watch([join(theirs, "own")])).not.toThrow();
  });

  describe("in the place of a farm", () => {
    const place = storePlace({ store: join(directory, "store") });
    const system = {
      system: "x86_64-linux",
      loader: "/loader",
      libc: "glibc",
      libraries: [{ soname: "file", path: "/z/1", storePath: null }],
    } as unknown as Parameters<typeof makeFarm>[1][0];
    const generation = (links: [string, string][]) =>
      `.farm.fixelf-${createHash("sha256").update(JSON.stringify(links)).digest("hex").slice(0, 16)}`;
    const present = generation([
      ["file", "/z/1"],
      ["ld.so", "/loader"],
    ]);

    it("are refused where its links would be made", async () => {
      plant(roots, join(theirs, present));
      await expect(makeFarm(join(theirs, "farm"), [system], place)).rejects.toThrow();
      untouched();
    });

    it("are not followed where old ones would be removed", async () => {
      const old = `.farm.fixelf-${"0".repeat(16)}`;
      symlinkSync("/z/0", join(roots, "old"));
      plant(roots, join(theirs, old));
      plant(old, join(theirs, "farm"));
      await makeFarm(join(theirs, "farm"), [system], place);
      expect(readlinkSync(join(theirs, "farm"))).toBe(present);
      expect(readlinkSync(join(roots, "old"))).toBe("/z/0");
    });

    it("are refused on the way to it, and so is a directory of that user's", async () => {
      plant(roots);
      await expect(makeFarm(join(link, "farm"), [system], place)).rejects.toMatchObject({
        code: "permission-denied",
      });
      untouched();
      mkdirSync(join(theirs, present));
      chownSync(join(theirs, present), somebody, somebody);
      await expect(makeFarm(join(theirs, "farm"), [system], place)).rejects.toMatchObject({
        code: "permission-denied",
      });
      expect(existsSync(join(theirs, "farm"))).toBe(false);
    });
  });
});
