// The program that is shown a stranger's file (verification's loader) has nothing of ours: it runs as the user that
// could replace the file, without groups, privileges, descriptors, environment or core dumps.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  mkdirSync,
  openSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type CommandEnd, native } from "../lib/addon/native.js";
import { needs } from "./support/needs.js";
import { patience } from "./support/patience.js";
import { addonEnvironment } from "./support/preload.js";
import { scratchDirectory } from "./support/scratch.js";

const addon = new URL("../out/lib/addon/native.js", import.meta.url).href;
const directory = scratchDirectory();
const subject = join(directory, "subject");
writeFileSync(subject, "");

async function said(file: string, ...words: string[]): Promise<string> {
  const command = {
    file: realpathSync(file),
    arguments: words,
    environment: [],
    subjects: [subject],
  };
  const [end] = await native.run([command], patience);
  expect(end).toMatchObject({ exitCode: 0 });
  return (end as CommandEnd).output;
}

describe("a confined program", () => {
  it("has only the standard descriptors, and no environment", async () => {
    // Inherited by any process started from here: it is not closed on exec.
    const kept = openSync(subject, "r");
    try {
      expect((await said("/bin/ls", "/proc/self/fd")).split("\n").filter(Boolean)).toEqual([
        ...["0", "1", "2"],
        "3", // the descriptor through which ls reads the directory
      ]);
    } finally {
      closeSync(kept);
    }
    expect(await said("/usr/bin/env")).toBe("");
  });

  it("gains no privileges, dumps no core and has limits", async () => {
    expect(await said("/bin/cat", "/proc/self/status")).toMatch(/^NoNewPrivs:\s+1$/m);
    const limits = await said("/bin/cat", "/proc/self/limits");
    expect(limits).toMatch(/^Max core file size\s+0\s+0\s/m);
    expect(limits).toMatch(/^Max file size\s+0\s+0\s/m);
    const seconds = patience / 1000;
    expect(limits).toMatch(new RegExp(`^Max cpu time\\s+${seconds}\\s+${seconds}\\s`, "m"));
    expect(limits).toMatch(/^Max data size\s+4294967296\s+4294967296\s/m);
  });

  describe("started by root", needs("root"), () => {
    const somebody = 4711;
    const nogroup = 65534;

    it("runs as the file's owner, in none of our groups", async () => {
      chownSync(subject, somebody, 0);
      const status = await said("/bin/cat", "/proc/self/status");
      expect(status).toMatch(new RegExp(`^Uid:${`\t${somebody}`.repeat(4)}$`, "m"));
      expect(status).toMatch(new RegExp(`^Gid:${`\t${nogroup}`.repeat(4)}$`, "m"));
      expect(status).toMatch(/^Groups:\s*$/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^CapPrm:\s+0+$/m);
    });

    it("may not do what the owner may not", async () => {
      chownSync(subject, somebody, 0);
      const secret = join(directory, "secret");
      writeFileSync(secret, "root's", { mode: 0o600 });
      const command = {
        file: realpathSync("/bin/cat"),
        arguments: [secret],
        environment: [],
        subjects: [subject],
      };
      const [end] = await native.run([command], patience);
      expect(end).toMatchObject({
        output: "",
        errors: expect.stringContaining("Permission denied"),
      });
    });

    describe("for root's own file", () => {
      const tree = join(directory, "tree");
      const below = join(tree, "below");
      const file = join(below, "file");
      const user = async (...subjects: string[]) => {
        const id = {
          file: realpathSync("/usr/bin/id"),
          arguments: ["-u"],
          environment: [],
          subjects,
        };
        const [end] = await native.run([id], patience);
        return "output" in (end as object) ? (end as CommandEnd).output.trim() : end;
      };
      const refusal = (message: RegExp) => ({
        code: "permission-denied",
        message: expect.stringMatching(message),
      });
      mkdirSync(below, { recursive: true });
      writeFileSync(file, "");
      beforeEach(() => {
        for (const [path, mode] of [
          [tree, 0o755],
          [below, 0o755],
          [file, 0o644],
        ] as const) {
          chownSync(path, 0, 0);
          chmodSync(path, mode);
        }
      });

      it("runs as root if nobody else could put another file there", async () => {
        expect(await user(file)).toBe("0");
        chmodSync(tree, 0o1777);
        expect(await user(file)).toBe("0");
      });

      it.each([
        ["its directory", below],
        ["one further up", tree],
      ])("runs as the owner of %s", async (_, path) => {
        chownSync(path, somebody, 0);
        expect(await user(file)).toBe(`${somebody}`);
        chmodSync(path, 0o1777);
        expect(await user(subject, file)).toBe(`${somebody}`);
      });

      it("runs as the owner of a link on the way to it, or of a library that it loads", async () => {
        const link = join(directory, "link");
        symlinkSync(below, link);
        expect(await user(join(link, "file"))).toBe("0");
        const library = join(directory, "library");
        writeFileSync(library, "");
        chownSync(library, somebody, 0);
        expect(await user(file, library)).toBe(`${somebody}`);
        lchownSync(link, somebody, 0);
        expect(await user(join(link, "file"))).toMatchObject(refusal(/link of user 4711/));
      });

      it("is not started if several users, or anybody, could replace the file", async () => {
        chownSync(tree, somebody, 0);
        chownSync(file, somebody + 1, 0);
        expect(await user(file)).toMatchObject(
          refusal(/tree belongs to user 4711, and .*file to user 4712/),
        );
        chownSync(file, somebody, 0);
        expect(await user(file)).toBe(`${somebody}`);
        chmodSync(below, 0o777);
        expect(await user(file)).toMatchObject(refusal(/others may write to .*below$/));
        chmodSync(below, 0o775);
        expect(await user(file)).toBe(`${somebody}`);
        chownSync(below, 0, 50);
        expect(await user(file)).toMatchObject(refusal(/others may write to .*below$/));
        chmodSync(below, 0o755);
        chmodSync(file, 0o666);
        expect(await user(file)).toMatchObject(refusal(/others may write to .*file$/));
      });

      it(
        "runs as a user for their own files and root's, and is not started for others'",
        needs("setpriv"),
        () => {
          const program = `
          const { native } = await import(${JSON.stringify(addon)});
          const id = { file: ${JSON.stringify(realpathSync("/usr/bin/id"))}, arguments: ["-u"] };
          const [end] = await native.run(
            [{ ...id, environment: [], subjects: [${JSON.stringify(file)}] }], ${patience});
          console.log(JSON.stringify(end));`;
          chmodSync(directory, 0o755);
          const asUser = () => {
            const node = [process.execPath, "--input-type=module", "-e", program];
            const { stdout } = spawnSync(
              "setpriv",
              [`--reuid=${somebody}`, `--regid=${somebody}`, "--clear-groups", ...node],
              { encoding: "utf8", env: { ...process.env, ...addonEnvironment } },
            );
            return JSON.parse(stdout);
          };
          const itself = { exitCode: 0, output: `${somebody}\n` };
          expect(asUser()).toMatchObject(itself);
          chownSync(tree, somebody, 0);
          expect(asUser()).toMatchObject(itself);
          chownSync(tree, somebody + 1, 0);
          expect(asUser()).toMatchObject({
            code: "permission-denied",
            message: expect.stringContaining("user 4712 could give it another file"),
          });
        },
      );
    });
  });
});
