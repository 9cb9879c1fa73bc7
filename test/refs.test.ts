// refs on real files: the output of each compressor, all spellings, links and names.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { FixelfError } from "../lib/base/errors.js";
import { diagnose } from "../lib/doctor/diagnose.js";
import { references } from "../lib/store/references.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const directory = scratchDirectory();
const at = (name: string) => join(directory, name);

const hash = "0123456789abcdfghijklmnpqrsvwxyz";
const entry = `${hash}-glibc-2.40`;
const root = at("root");
const options = { root };
const storePath = `/nix/store/${entry}`;
mkdirSync(join(root, storePath), { recursive: true });

async function search(content: string | Buffer) {
  writeFileSync(at("file"), content);
  const [answer] = await references([at("file")], options);
  return answer as NonNullable<typeof answer>;
}

describe("refs", () => {
  it("reports which store paths are named, and which of them Nix would find", async () => {
    const other = `/nix/store/${hash.replaceAll("0", "9")}-gone`;
    const { storePaths } = await search(`${storePath}/lib ${other} ${storePath}/bin`);
    expect(storePaths).toMatchObject([
      { storePath, present: true, reference: true, mentions: [{ count: 2, offset: 0 }] },
      { storePath: other, present: false, reference: false },
    ]);
  });

  it("recognises a hash alone, and one within a longer word", async () => {
    const { storePaths } = await search(`cache/${hash}.narinfo`);
    expect(storePaths).toMatchObject([
      { storePath, reference: true, mentions: [{ kind: "hash", offset: 6 }] },
    ]);
  });

  it("distinguishes spellings that Nix does not find from those that it does", async () => {
    const spellings: [string, Buffer | string, boolean][] = [
      ["escaped", JSON.stringify(storePath).replaceAll("/", "\\/"), true],
      ["percent-encoded", encodeURIComponent(storePath), true],
      ["utf-16", Buffer.from(`"${storePath}"`, "utf16le"), false],
      ["utf-16", Buffer.from(`"${storePath}"`, "utf16le").swap16(), false],
      ["line-wrapped", `${storePath.slice(0, 20)}=\r\n${storePath.slice(20)}`, false],
    ];
    for (const [spelling, content, reference] of spellings) {
      const { storePaths } = await search(content);
      expect(storePaths).toMatchObject([{ storePath, reference, mentions: [{ spelling }] }]);
    }
  });

  it("finds the loader and the libraries of a program", async () => {
    const [answer] = await references(["/bin/sh"]);
    expect(answer?.interpreters.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^\/.*\/ld-/),
    );
    expect(answer?.sonames.map(({ text }) => text)).toContain("libc.so.6");
  });

  it("finds a loader whose directory is not ASCII, and no bytes before it", async () => {
    const loader = "/lib64/ld-linux-x86-64.so.2";
    const found = async (before: string, encoding: BufferEncoding = "utf8") =>
      (await search(Buffer.from(`\0${before}${loader}\0`, encoding))).interpreters.map(
        ({ text }) => text,
      );
    expect(await found("/opt/caf\u00e9")).toEqual([`/opt/café${loader}`]);
    expect(await found("/opt/caf\u00e9", "latin1")).toEqual([`/opt/caf\udce9${loader}`]);
    expect(await found("/\u4e2d\u6587")).toEqual([`/中文${loader}`]);
    expect(await found("-dynamic-linker=/\u00fc")).toEqual([`/ü${loader}`]);
    expect(await found("--library-path /a:/\u00fc")).toEqual([`/ü${loader}`]);
    // Typographic quotation marks, and code.
    expect(await found("\u201e")).toEqual([loader]);
    expect(await found("\u00e9\u008b", "latin1")).toEqual([loader]);
  });

  it("searches the contents, names and link targets in a directory", async () => {
    mkdirSync(at("tree/deep"), { recursive: true });
    writeFileSync(at(`tree/deep/${hash}`), "");
    symlinkSync(`${storePath}/lib`, at("tree/link"));
    const [answer] = await references([at("tree")], options);
    expect(answer?.storePaths).toMatchObject([
      {
        storePath,
        reference: true,
        mentions: [
          { place: "link-target", path: at("tree/link") },
          { place: "file-name", path: at(`tree/deep/${hash}`) },
        ],
      },
    ]);
    expect(answer?.files).toBe(1);
  });

  it("does not take a link that leads nowhere for a file that names nothing", async () => {
    symlinkSync(storePath.replace("glibc", "gone"), at("dangling"));
    symlinkSync("loop", at("loop"));
    const refusal = (name: string) => references([at(name)], options).catch((error) => error);
    expect(await refusal("dangling")).toMatchObject({ code: "not-found", path: at("dangling") });
    expect((await refusal("dangling")).message).toContain("which is not there");
    expect(await refusal("loop")).toMatchObject({ code: "io", path: at("loop") });
  });

  it("does not take a derivation's outputs for references", async () => {
    const derivation = `/nix/store/${hash.replaceAll("0", "9")}-glibc.drv`;
    const text = (name: string) =>
      `Derive([("${name}","${storePath}","","")],[],[],"x","sh",[],[("out","${storePath}")])`;
    writeFileSync(join(root, derivation), text("out"));
    const [answer] = await references([derivation], options);
    expect(answer?.storePaths).toMatchObject([{ storePath, reference: false }]);
    // Elsewhere it is text like any other.
    expect((await search(text("out"))).storePaths).toMatchObject([{ reference: true }]);
  });

  it("does not take a file for empty whose content is generated on reading", async () => {
    const path = "/proc/self/environ";
    await expect(references([path], options)).rejects.toMatchObject({
      code: "not-a-regular-file",
      path,
    });
  });

  it("reports what is wrong, and with which path", async () => {
    const failure = (path: string) => references([path], options).catch((error) => error);
    expect(await failure(at("none"))).toMatchObject({ code: "not-found" });
    expect(await failure("/dev/null")).toMatchObject({ code: "not-a-regular-file" });
    const aborted = references([at("file")], { ...options, signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ name: "FixelfError", code: "cancelled" });
  });

  it("reports an error for a file that is truncated meanwhile", async () => {
    const content = Buffer.alloc(256 << 20, "x");
    for (let attempt = 0; attempt < 40; ++attempt) {
      writeFileSync(at("large"), content);
      const searching = references([at("large")], options).catch((error: unknown) => error);
      for (let turn = 0; turn < 1 + attempt; ++turn) await setImmediate();
      truncateSync(at("large"), 1000);
      const answer = await searching;
      // The truncation may have come too early or too late.
      if (!FixelfError.is(answer)) continue;
      expect(answer).toMatchObject({ code: "changed", path: at("large") });
      return;
    }
    expect.unreachable("no search met the truncation");
  });
});

describe("refs, compressed", () => {
  const secret = storePath.repeat(50);

  it("finds what gzip hides", async () => {
    const { storePaths, notLookedInto } = await search(
      Buffer.concat([Buffer.from("before"), gzipSync(secret)]),
    );
    expect(storePaths).toEqual([]);
    expect(notLookedInto).toMatchObject([{ kind: "gzip", offset: 6, count: 1 }]);
  });

  it("does not take a magic number alone for compressed data", async () => {
    const magics = ["1f8b08", "fd377a585a00", "28b52ffd", "425a68", "504b0304", "68737173"];
    const noise = magics.map((magic) =>
      Buffer.concat([Buffer.from(magic, "hex"), Buffer.alloc(64)]),
    );
    expect((await search(Buffer.concat(noise))).notLookedInto).toEqual([]);
  });

  for (const [kind, program, command] of [
    ["xz", "xz", "xz -c secret"],
    ["zstd", "zstd", "zstd -qc secret"],
    ["zstd", "zstd", "zstd -qc --ultra -22 --no-check secret"],
    ["bzip2", "bzip2", "bzip2 -c secret"],
    ["zip", "zip", "zip -q - secret"],
    ["squashfs", "mksquashfs", "mksquashfs secret image -quiet -no-progress >&2 && cat image"],
  ] as const) {
    describe(`${kind} of ${command}`, needs(program), () => {
      beforeAll(() => writeFileSync(at("secret"), secret));

      it("is recognised, wherever it begins", async () => {
        rmSync(at("image"), { force: true });
        const packed = execFileSync("/bin/sh", ["-c", command], { cwd: directory, stdio: "pipe" });
        for (const before of [0, 1, 300_000]) {
          const content = Buffer.concat([Buffer.alloc(before, "-"), packed]);
          // Text that appears for the first time may be unchanged in its compressed form.
          const { notLookedInto } = await search(content);
          expect(notLookedInto).toMatchObject([{ kind, offset: before, count: 1 }]);
        }
      });
    });
  }
});

describe("doctor", () => {
  it("finds dlopen-library-missing, without calling the program broken", needs("gcc"), async () => {
    compile(
      at("opens"),
      `const char *volatile names[] = {"libnowhere.so.7", "libc.so.6", "libplugin.so"};
       int main(void) { return names[0][0] == 0; }`,
    );
    const [diagnosis] = await diagnose([at("opens")]);
    expect(diagnosis).toMatchObject({
      verdict: "healthy",
      findings: [{ code: "dlopen-library-missing" }],
    });
    expect(diagnosis?.findings[0]?.message).toContain("open libnowhere.so.7 at run time");
  });
});
