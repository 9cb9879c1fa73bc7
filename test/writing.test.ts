// What becomes of everything that a file is besides its bytes, and what happens where writing is difficult: with both
// ways of writing, and with undo.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { compile } from "./support/compile.js";
import { needs, unshare } from "./support/needs.js";
import { node } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const driver = fileURLToPath(new URL("support/write-once.mjs", import.meta.url));
const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const runpath = (length: number) => `/nix/store/${"x".repeat(length)}/lib`;
const ways = ["atomic", "in place"] as const;

describe("writing", needs("gcc"), () => {
  const directory = scratchDirectory();
  const original = join(directory, "original");
  const records = join(directory, "records");
  const place = join(directory, "place");
  const file = join(place, "program");
  const before = () => readFileSync(original);

  beforeAll(() => {
    // Ends when its standard input does.
    compile(
      original,
      "#include <unistd.h>\nint main(void) { char c; while (read(0, &c, 1) > 0); }",
    );
  });
  beforeEach(() => {
    for (const path of [records, place]) {
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path);
    }
    copyFileSync(original, file);
    chmodSync(file, 0o755);
  });

  /** In this process: returns null, or an error's code. */
  async function change(way: string, path = file, length = 4000): Promise<string | null> {
    const searchPath = { value: runpath(length), tag: "runpath" as const };
    const [failure] = await native.layOut(path, { searchPath }).then(
      (layout) =>
        native.apply([{ path, output: path, layout, inPlace: way === "in place" }], records),
      (refusal: { code?: string }) => [refusal],
    );
    return failure ? (failure.code ?? "none") : null;
  }
  async function undo(path = file): Promise<string | null> {
    const [failure] = await native.undo([path], records);
    return failure ? (failure.code ?? "none") : null;
  }
  /** In another process, which `prefix` starts. */
  async function changeApart(
    way: string,
    prefix: readonly string[] = [],
    length = 4000,
    paths = [file],
  ): Promise<(string | null)[]> {
    const action = way === "undo" ? "undo" : way === "atomic" ? "edit" : "edit-in-place";
    const [program, ...args] = [
      ...prefix,
      ...["env", "UV_THREADPOOL_SIZE=1", ...node, driver],
      ...[action, records, runpath(length), ...paths],
    ];
    const { stdout } = await run(program as string, args);
    return JSON.parse(stdout) as (string | null)[];
  }
  async function expectKept<T>(way: string, look: () => T): Promise<void> {
    const was = look();
    expect(await change(way)).toBeNull();
    expect((await native.inspect(file)).runpath).toBe(runpath(4000));
    expect(look()).toEqual(was);
    expect(await undo()).toBeNull();
    expect(readFileSync(file).equals(before())).toBe(true);
    expect(look()).toEqual(was);
    expect(readdirSync(place)).toEqual(["program"]);
  }
  const expectUntouched = () => {
    expect(readFileSync(file).equals(before())).toBe(true);
    expect(readdirSync(place)).toEqual(["program"]);
    expect(readdirSync(records)).toEqual([]);
  };

  it.each(ways)("keeps the setuid bit and the times (%s)", async (way) => {
    chmodSync(file, 0o6755);
    await expectKept(way, () => {
      const { mode, uid, gid, mtimeNs } = statSync(file, { bigint: true });
      return { mode, uid, gid, mtimeNs };
    });
  });

  it("changes one of several hard links, and none of them in place", async () => {
    const twin = join(place, "twin");
    linkSync(file, twin);
    expect(await change("in place")).toBe("unsupported");
    expect(statSync(file).nlink).toBe(2);
    expect(await change("atomic")).toBeNull();
    expect([statSync(file).nlink, statSync(twin).nlink]).toEqual([1, 1]);
    expect(readFileSync(file).equals(before())).toBe(false);
    expect(readFileSync(twin).equals(before())).toBe(true);
    expect(await undo()).toBeNull();
    expect(readFileSync(file).equals(before())).toBe(true);
    expect(readdirSync(records)).toEqual([]);
  });

  it(
    "changes names of one file of an overlay's lower layer",
    needs("mount namespaces"),
    async ({ skip }) => {
      const script = [
        'mount -t tmpfs none "$1" && cd "$1" && mkdir lower upper work',
        'cp "$2/program" lower && ln lower/program lower/twin',
        'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none "$2" ||',
        "{ echo '[\"no overlay\"]'; exit; }",
        'shift 2; "$@"',
      ].join("\n");
      const words = [scratchDirectory(), place];
      const prefix = [...unshare, "/bin/sh", "-c", script, "sh", ...words];
      const answers = await changeApart("atomic", prefix, 4000, [file, join(place, "twin")]);
      if (answers.includes("no overlay")) skip();
      expect(answers).toEqual([null, null]);
    },
  );

  it.each(ways)("keeps holes (%s)", async (way) => {
    // A program with a hole inside: a section of zeros.
    const source = `static const char zeros[${1 << 24}] = {1}; int main(void) { return zeros[4096]; }`;
    execFileSync("cp", ["--sparse=always", compile(join(directory, "full"), source), file]);
    const was = readFileSync(file);
    const { blocks } = statSync(file);
    expect(blocks * 512).toBeLessThan(1 << 22); // otherwise this file system has no holes
    expect(await change(way)).toBeNull();
    expect(statSync(file).blocks * 512).toBeLessThan(blocks * 512 + (1 << 20));
    expect(await undo()).toBeNull();
    expect(statSync(file).blocks * 512).toBeLessThan(blocks * 512 + (1 << 20));
    expect(readFileSync(file).equals(was)).toBe(true);
  });

  it("recognises a file by its content if it has been touched, holes included", async () => {
    const source = `static const char zeros[${1 << 22}] = {1}; int main(void) { return zeros[4096]; }`;
    const full = compile(join(directory, "full"), source);
    for (const sparse of ["never", "always"]) {
      execFileSync("cp", [`--sparse=${sparse}`, full, file]);
      const was = readFileSync(file);
      expect(await change("atomic")).toBeNull();
      utimesSync(file, 1, 1);
      expect(await undo()).toBeNull();
      expect(readFileSync(file).equals(was)).toBe(true);
    }
    expect(await change("atomic")).toBeNull();
    const handle = openSync(file, "r+");
    writeSync(handle, "x", 1 << 21); // where no edit was
    closeSync(handle);
    expect(await undo()).toBe("changed");
  });

  it("changes a running program, but not in place", async () => {
    const running = spawn(file, { stdio: ["pipe", "ignore", "ignore"] });
    const ended = new Promise((resolve) => running.once("exit", resolve));
    await new Promise((resolve) => running.once("spawn", resolve));
    expect(await change("in place")).toBe("busy");
    expectUntouched();
    expect(await change("atomic")).toBeNull();
    expect(await undo()).toBeNull();
    expect(readFileSync(file).equals(before())).toBe(true);
    expect(running.exitCode).toBeNull();
    running.stdin?.end();
    expect(await ended).toBe(0);
  });

  it("restores a file that was linked after the fix, and leaves the link", async () => {
    const twin = join(directory, "twin");
    expect(await change("in place")).toBeNull();
    linkSync(file, twin);
    const fixed = readFileSync(twin);
    expect(await undo()).toBeNull();
    expect(readFileSync(file).equals(before())).toBe(true);
    expect(readFileSync(twin).equals(fixed)).toBe(true);
    rmSync(twin);
  });

  it("keeps its records on another file system", async () => {
    const elsewhere = "/dev/shm";
    if (!existsSync(elsewhere) || statSync(elsewhere).dev === statSync(place).dev) {
      throw new Error(`${elsewhere} is not another file system`);
    }
    const there = scratchDirectory(elsewhere);
    for (const inPlace of [false, true]) {
      const layout = await native.layOut(file, { soname: "another" });
      const job = { path: file, output: file, layout, inPlace };
      expect(await native.apply([job], there)).toEqual([null]);
      expect(await native.undo([file], there)).toEqual([null]);
      expect(readFileSync(file).equals(before())).toBe(true);
      expect(readdirSync(there)).toEqual([]);
    }
  });

  it.each(ways)("changes nothing if its records can't be kept (%s)", async (way) => {
    rmSync(records, { recursive: true });
    expect(await change(way)).toBe("not-found");
    writeFileSync(records, "not a directory");
    expect(await change(way)).toBe("permission-denied");
    expect(await undo()).toBe("permission-denied");
    rmSync(records);
    mkdirSync(records);
    expectUntouched();
  });

  it.each(ways)("accepts one of two processes at a time (%s)", async (way) => {
    for (let round = 0; round < 4; ++round) {
      const answers = (await Promise.all([changeApart(way, [], 3000), changeApart(way, [], 5000)]))
        .flat()
        .map((answer) => answer ?? "done");
      for (const answer of answers) expect(["done", "busy", "changed"]).toContain(answer);
      expect(answers).toContain("done");
      const { runpath: now } = await native.inspect(file);
      const winners = [3000, 5000].filter((_, index) => answers[index] === "done").map(runpath);
      expect(winners).toContain(now);
      expect(await undo()).toBeNull();
      expectUntouched();
    }
  });

  it(
    "does not accept a file that another process is in the middle of writing",
    needs("flock"),
    async () => {
      // Half a program, as it may look while another process writes it in place.
      const halfWritten = join(place, "half-written");
      writeFileSync(halfWritten, before().subarray(0, 100));
      expect(await change("in place", halfWritten)).toBe("truncated");
      const writer = spawn("flock", [halfWritten, "/bin/sh", "-c", "echo; read line"]);
      await once(writer.stdout, "data");
      try {
        expect(await change("in place", halfWritten)).toBe("busy");
      } finally {
        writer.stdin.end();
        await once(writer, "exit");
      }
      expect(await change("in place", halfWritten)).toBe("truncated");
    },
  );

  it("restores a file only once when two processes undo it", async () => {
    expect(await change("atomic")).toBeNull();
    const answers = (await Promise.all([changeApart("undo"), changeApart("undo")])).flat();
    expect(answers).toContain(null);
    for (const answer of answers) {
      expect([null, "busy", "changed", "no-undo-record"]).toContain(answer);
    }
    expectUntouched();
  });

  describe("without privileges", needs("setpriv"), () => {
    // Root without capabilities is like any other owner.
    const prefix = isRoot ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];

    it("writes in a read-only directory only in place", async () => {
      chmodSync(place, 0o555);
      try {
        expect(await changeApart("atomic", prefix)).toEqual(["permission-denied"]);
        expectUntouched();
        expect(await changeApart("in place", prefix)).toEqual([null]);
        expect((await native.inspect(file)).runpath).toBe(runpath(4000));
        expect(await changeApart("undo", prefix)).toEqual([null]);
        expectUntouched();
      } finally {
        chmodSync(place, 0o755);
      }
    });

    it.each(ways)("changes nothing if records are read-only (%s)", async (way) => {
      chmodSync(records, 0o555);
      expect(await changeApart(way, prefix)).toEqual(["permission-denied"]);
      chmodSync(records, 0o755);
      expectUntouched();
    });

    it("writes a read-only file, but not in place", async () => {
      chmodSync(file, 0o555);
      expect(await changeApart("in place", prefix)).toEqual(["permission-denied"]);
      expectUntouched();
      expect(await changeApart("atomic", prefix)).toEqual([null]);
      expect(statSync(file).mode & 0o777).toBe(0o555);
      expect(await changeApart("undo", prefix)).toEqual([null]);
      expectUntouched();
    });

    it("keeps the setuid bit, which the kernel clears when a file is written", async () => {
      chmodSync(file, 0o4755);
      for (const way of ways) {
        expect(await changeApart(way, prefix)).toEqual([null]);
        expect(statSync(file).mode & 0o7777).toBe(0o4755);
        expect(await changeApart("undo", prefix)).toEqual([null]);
        expect(statSync(file).mode & 0o7777).toBe(0o4755);
      }
      expectUntouched();
    });
  });

  // A process that may write to a file, and does not own it, loses these bits by writing and cannot restore them.
  describe("a file that sets user or group ID", needs("root", "setpriv"), () => {
    const user = 12345;
    const prefix = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];

    it.each(
      ways.flatMap((way) => [
        { way, what: "another user's", mode: 0o4775, owner: [0, user] as const },
        { way, what: "another group's", mode: 0o2755, owner: [user, 0] as const },
      ]),
    )("is left unchanged, $what ($way)", async ({ way, mode, owner }) => {
      for (const path of [place, records]) chownSync(path, user, user);
      chownSync(file, owner[0], owner[1]);
      chmodSync(file, mode);
      expect(await changeApart(way, prefix)).toEqual(["permission-denied"]);
      expect(statSync(file).mode & 0o7777).toBe(mode);
      expectUntouched();
    });
  });

  describe("file capabilities", needs("setcap", "setpriv"), () => {
    const capabilities = () => execFileSync("getcap", [file], { encoding: "utf8" });

    it.each(ways)("are kept (%s)", async (way) => {
      execFileSync("setcap", ["cap_net_bind_service=ep", file]);
      expect(capabilities()).toContain("cap_net_bind_service");
      await expectKept(way, capabilities);
    });

    it.each(ways)("are not lost by a user that may not restore them (%s)", async (way) => {
      execFileSync("setcap", ["cap_net_bind_service=ep", file]);
      const was = capabilities();
      const prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
      expect(await changeApart(way, prefix)).toEqual(["permission-denied"]);
      expect(capabilities()).toBe(was);
      expectUntouched();
    });
  });

  describe("access control lists", needs("setfacl"), () => {
    it.each(ways)("are kept (%s)", async (way) => {
      execFileSync("setfacl", ["-m", "u:12345:r-x,g:54321:---", file]);
      const list = () => execFileSync("getfacl", ["-p", "-n", file], { encoding: "utf8" });
      expect(list()).toContain("user:12345:r-x");
      await expectKept(way, list);
    });

    // A new file in the directory would inherit it.
    it("are not inherited from the directory", async () => {
      execFileSync("setfacl", ["-d", "-m", "u:12345:rwx,m::rwx", place]);
      const list = () => execFileSync("getfacl", ["-p", "-n", file], { encoding: "utf8" });
      expect(list()).not.toContain("12345");
      for (const mode of [0o755, 0o640]) {
        chmodSync(file, mode);
        await expectKept("atomic", list);
      }
      execFileSync("setfacl", ["-m", "u:54321:r-x", file]);
      await expectKept("atomic", list);
      const output = join(place, "output");
      const layout = await native.layOut(file, { soname: "another" });
      await native.apply([{ path: file, output, layout, inPlace: false }], records);
      const listed = execFileSync("getfacl", ["-p", "-n", output], { encoding: "utf8" });
      expect(listed.replaceAll(output, file)).toBe(list());
    });
  });

  describe("extended attributes", needs("setfattr"), () => {
    it.each(ways)("are kept (%s)", async (way) => {
      execFileSync("setfattr", ["-n", "user.origin", "-v", "https://example.org", file]);
      const attributes = () =>
        execFileSync("getfattr", ["--absolute-names", "-d", file], { encoding: "utf8" });
      expect(attributes()).toContain("example.org");
      await expectKept(way, attributes);
    });
  });

  describe("an immutable file", needs("chattr"), () => {
    it.each(ways)("is left unchanged (%s)", async (way) => {
      execFileSync("chattr", ["+i", file]);
      try {
        expect(await change(way)).toBe("permission-denied");
        expectUntouched();
      } finally {
        execFileSync("chattr", ["-i", file]);
      }
    });
  });

  describe("an append-only directory", needs("chattr"), () => {
    it("gets no new file, which could not be removed again", async () => {
      execFileSync("chattr", ["+a", place]);
      try {
        expect(await change("atomic")).toBe("permission-denied");
        expectUntouched();
        expect(await change("in place")).toBeNull();
        expect(await undo()).toBeNull();
        expectUntouched();
      } finally {
        execFileSync("chattr", ["-a", place]);
      }
    });
  });

  describe("a file of another owner", needs("root", "setpriv"), () => {
    it("is restored in place by a user that could change it in place", async () => {
      const user = 12345;
      const prefix = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
      for (const path of [place, records]) chownSync(path, user, user);
      chmodSync(file, 0o666);
      expect(await changeApart("atomic", prefix)).toEqual(["permission-denied"]);
      expectUntouched();
      expect(await changeApart("in place", prefix)).toEqual([null]);
      expect(await changeApart("undo", prefix)).toEqual([null]);
      expect(statSync(file)).toMatchObject({ uid: 0, gid: 0 });
      expectUntouched();
    });
  });

  describe("a full disk", needs("mount namespaces"), () => {
    it.each(ways)("is reported with the record that does not fit (%s)", async (way) => {
      const script = [
        'mount -t tmpfs -o size=8192 none "$1"',
        'mkdir -m 700 "$1/fixelf" "$1/fixelf/undo"',
        'head -c 8192 /dev/zero >"$1/filler"',
        "shift",
        '"$@"',
      ].join("; ");
      const api = new URL("../dist/index.js", import.meta.url).href;
      const edits = { searchPath: { set: runpath(4000) } };
      const code = `import { edit } from "${api}";
        await edit("${file}", ${JSON.stringify(edits)}, { inPlace: ${way === "in place"} })
          .catch(({ code, message }) => console.log(code, message));`;
      const [program = "", ...args] = [
        ...[...unshare, "/bin/sh", "-c", script, "sh", records],
        ...[...node, "--input-type=module", "-e", code],
      ];
      const { stdout } = await run(program, args, {
        env: { ...process.env, XDG_STATE_HOME: records },
      });
      expect(stdout).toMatch(
        new RegExp(`^no-space .*undo record ${records}/fixelf/undo/.*No space left on device`),
      );
      expectUntouched();
    });

    it.each(ways)("leaves the file whole (%s)", async (way) => {
      // Room for the program, but not for its growth.
      const size = Math.ceil(statSync(original).size / 4096) * 4096 + 8192;
      const script = [
        `mount -t tmpfs -o size=${size} none "$1"`,
        'cp "$2" "$1/program"',
        "shift 2",
        '"$@"',
        `cmp "${original}" "${file}"`,
        `test "$(ls -A "${place}")" = program`,
      ].join(" && ");
      const prefix = [...unshare, "/bin/sh", "-c", script, "sh", place, original];
      expect(await changeApart(way, prefix, 40_000)).toEqual(["no-space"]);
      expect(readdirSync(records)).toEqual([]);
    });
  });
});
