// Files that cannot be fixed: each is reported in a message of its own, and left as it was.
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inEachRoot } from "../world/in-each-root.js";
import { openWorld, type World } from "../world/world.js";

interface Refusal {
  what: string;
  /** Below the ordinary user's home. */
  path: string;
  /** What fixelf prints about it on stderr or stdout. */
  says: RegExp;
  exitCode: 1 | 2;
}

const refusals: Refusal[] = [
  {
    what: "a path that is not there",
    path: "absent",
    says: /no such file|not found|does not exist/i,
    exitCode: 2,
  },
  { what: "an empty file", path: "empty", says: /empty/, exitCode: 1 },
  { what: "a text file", path: "text", says: /not (an )?ELF/i, exitCode: 1 },
  {
    what: "a directory without ELF",
    path: "no-elf",
    says: /no program and no library/,
    exitCode: 1,
  },
  { what: "a truncated header", path: "truncated", says: /truncated|ends/i, exitCode: 1 },
  {
    what: "an e_phnum of 65535",
    path: "many-headers",
    says: /e_phnum|program header/i,
    exitCode: 1,
  },
  {
    what: "a segment outside the file",
    path: "outside",
    says: /beyond|outside|past/i,
    exitCode: 1,
  },
  {
    what: "a file that may not be read",
    path: "unreadable",
    says: /permission denied|may not be read/i,
    exitCode: 2,
  },
  {
    what: "a directory that may not be written",
    path: "read-only/program",
    says: /permission denied|may not be written/i,
    exitCode: 2,
  },
];

inEachRoot("a fix that is impossible", (loader) => {
  let world: World;
  const home = "/home/user";
  const said = new Map<string, string>();

  beforeAll(async () => {
    world = await openWorld(loader);
    const at = (path: string) => world.host(`${home}/${path}`);
    const tree = world.host(await world.copyProgram("postgres"));
    const program = await readFile(`${tree}/native/bin/pg_ctl`);
    // Everything at home is compared before and after each.
    await rm(tree, { recursive: true });
    await writeFile(at("program"), program);
    // Offsets in Elf64_Ehdr and Elf64_Phdr.
    const e_phoff = 32;
    const e_phnum = 56;
    const p_offset = 8;
    const headers = Number(program.readBigUInt64LE(e_phoff));

    const manyHeaders = Buffer.from(program);
    manyHeaders.writeUInt16LE(65535, e_phnum);
    const outside = Buffer.from(program);
    outside.writeBigUInt64LE(0x7fff_ffff_0000n, headers + p_offset);

    await writeFile(at("empty"), "");
    await writeFile(at("text"), "To be, or not to be\n");
    await mkdir(at("no-elf"));
    await writeFile(at("no-elf/text"), "that is the question\n");
    await writeFile(at("truncated"), program.subarray(0, 40));
    await writeFile(at("many-headers"), manyHeaders);
    await writeFile(at("outside"), outside);
    await writeFile(at("unreadable"), program);
    await mkdir(at("read-only"));
    await writeFile(at("read-only/program"), program);
    await world.giveToUser(home);
    await chmod(at("unreadable"), 0);
    await chmod(at("read-only"), 0o555);
  });
  afterAll(() => world?.dispose());

  it.each(refusals)("is refused for $what, with a message", async ({ path, says, exitCode }) => {
    const before = await world.state(home);
    const result = await world.fixelf(["fix", path], { directory: home, asUser: true });
    const words = `${result.stdout}\n${result.stderr}`;
    expect(words).toMatch(says);
    expect(words).toContain(path);
    expect(result.exitCode).toBe(exitCode);
    expect(withoutRecords(await world.state(home))).toEqual(withoutRecords(before));
    said.set(path, result.stdout + result.stderr);
  });

  it("is refused for a file inside the store", async () => {
    const program = `${world.store["bash-trixie"]}/bin/bash`;
    const before = await world.check(["sha256sum", program]);
    // Run by root, for whom the store would not be read-only.
    const { exitCode, stdout, stderr } = await world.fixelf(["fix", program]);
    expect(stdout + stderr).toMatch(/inside the store/);
    expect(exitCode).toBe(1);
    expect(await world.check(["sha256sum", program])).toBe(before);
    said.set(program, stdout + stderr);
  });

  it("is refused on a full disk", async () => {
    const script = `
      mkdir -p /mnt/small
      mount -t tmpfs -o size=$(($(stat -c %s ${home}/program) + 65536)) small /mnt/small
      cp ${home}/program /mnt/small/program
      sha256sum /mnt/small/* >/tmp/before
      set +e
      fixelf fix /mnt/small/program
      status=$?
      set -e
      sha256sum /mnt/small/* | cmp - /tmp/before
      ls -A /mnt/small >&2
      exit $status`;
    const { exitCode, stdout, stderr } = await world.run(["sh", "-euc", script]);
    expect(stdout + stderr).toMatch(/no space|disk is full/i);
    // Nothing else is left behind either.
    expect(stderr.trim().split("\n").at(-1)).toBe("program");
    expect(exitCode).toBe(2);
    said.set("/mnt/small/program", stdout + stderr);
  });

  it("gets a different message for each reason", () => {
    const words = [...said].map(([path, text]) => text.replaceAll(path, ""));
    expect(new Set(words).size).toBe(refusals.length + 2);
  });
});

/** What fixelf remembers for undo does not count. */
function withoutRecords<T>(state: Map<string, T>): Map<string, T> {
  const own = [".local/state/fixelf/", ".cache/fixelf/"];
  return new Map([...state].filter(([path]) => !own.some((place) => path.startsWith(place))));
}
