// The program that is shown a stranger's file (verification's loader) has nothing of ours: root runs it as the
// file's owner, without groups, privileges, descriptors, environment or core dumps.
import { execFileSync } from "node:child_process";
import { chownSync, closeSync, openSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CommandEnd, native } from "../lib/addon/native.js";
import { needs } from "./support/needs.js";
import { patience } from "./support/patience.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const subject = join(directory, "subject");
writeFileSync(subject, "");

async function said(file: string, ...words: string[]): Promise<string> {
  const command = { file: realpathSync(file), arguments: words, environment: [], subject };
  const [end] = await native.run([command], patience);
  expect(end).toMatchObject({ exitCode: 0 });
  return (end as CommandEnd).output;
}

describe("a confined program", () => {
  it("has no descriptor but the standard ones, and no environment", async () => {
    // Inherited by whatever this process starts: it is not closed on exec.
    const kept = openSync(subject, "r");
    try {
      expect((await said("/bin/ls", "/proc/self/fd")).split("\n").filter(Boolean)).toEqual([
        ...["0", "1", "2"],
        "3", // ls reads the directory by it
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

  describe("for root", needs("root"), () => {
    const somebody = 4711;
    const nogroup = 65534;

    it("is the owner of the file, in no group of ours", async () => {
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
        subject,
      };
      const [end] = await native.run([command], patience);
      expect(end).toMatchObject({
        output: "",
        errors: expect.stringContaining("Permission denied"),
      });
    });

    it("is root for root's own file only", async () => {
      chownSync(subject, 0, 0);
      expect(await said("/usr/bin/id", "-u")).toBe("0\n");
    });

    it("is not shown what a link leads to", async () => {
      const link = join(directory, "link");
      execFileSync("ln", ["-s", subject, link]);
      const command = {
        file: realpathSync("/bin/cat"),
        arguments: [link],
        environment: [],
        subject: link,
      };
      const [end] = await native.run([command], patience);
      expect(end).not.toHaveProperty("exitCode");
    });
  });
});
