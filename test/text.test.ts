// Text from files, made safe for where it is printed.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { describe, expect, it } from "vitest";
import { FixelfError } from "../lib/base/errors.js";
import { explain } from "../lib/cli/command.js";
import { colorsBy, inLines, joined, line } from "../lib/report/shown.js";
import { csvCell, jsonText, printable } from "../lib/report/text.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

/** ESC, BEL, DEL, CSI of C1, a mark that reverses what follows, and a line separator. */
const steering = "\u001b[2J\u0007\u007f\u009b2J\u202ereversed\u200f\u2028\nforged";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const steers = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe("text from a file", () => {
  it("is escaped for a terminal, on one line", () => {
    expect(printable(steering)).not.toMatch(steers);
    expect(printable("/home/ü/a b")).toBe("/home/ü/a b");
  });
  it("is escaped once in a line, which keeps what has been made safe", () => {
    const colors = colorsBy(pc.createColors(true));
    const part = line`  ${colors.red(steering)}  ${1}`;
    const whole = inLines([part, line`${joined([steering, part], ", ")}`]);
    const [red, plain] = ["\u001b[31m", "\u001b[39m"];
    const safe = printable(steering);
    expect(part.text).toBe(`  ${red}${safe}${plain}  1`);
    expect(whole.text).toBe(`${part.text}\n${safe}, ${part.text}`);
    expect(colorsBy(null).bold(steering).text).toBe(safe);
  });
  it("cannot forge a line in an error, even one with several lines", () => {
    const error = new FixelfError("unsolvable", `no library for ${steering}`);
    expect(explain(error).text).not.toMatch(steers);
    const laidOut = new FixelfError("io", "one\n\n    two\n", { laidOut: true });
    expect(explain(laidOut).text).toBe("one\n\n    two\n");
  });
  it("is the same text in JSON, and cannot steer a terminal", () => {
    const text = jsonText({ name: steering, entry: 16n });
    expect(text).not.toMatch(steers);
    expect(JSON.parse(text)).toEqual({ name: steering, entry: "0x10" });
    expect(jsonText({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}');
  });
  it("is not a formula in a table", () => {
    for (const name of ["=1+1", "+1", "-1", "@SUM(A1)"]) expect(csvCell(name)).toBe(`'${name}`);
    expect(csvCell("\t=1")).toBe("\\u0009=1");
    expect(csvCell('a,"b"')).toBe('"a,""b"""');
    // Numbers are not text.
    expect([csvCell(-1), csvCell(null), csvCell(["=a"])]).toEqual(["-1", "", '"[""=a""]"']);
  });
});

describe("a file's name", () => {
  const directory = scratchDirectory();
  const name = "p\u001b[2J\nforged\u009b2Jx";
  mkdirSync(join(directory, "tree", name), { recursive: true });
  copyFileSync("/bin/sh", join(directory, name));
  copyFileSync("/bin/sh", join(directory, "tree", name, "program"));
  writeFileSync(join(directory, "tree", "script"), `#!/nowhere/${name}\n`, { mode: 0o755 });
  mkdirSync(join(directory, "store"));

  it.each([
    ...["inspect", "doctor", "fix --dry-run", "fix --no-gc-root", "undo", "tree", "env", "closure"],
    ...["run --dry-run", "scan", "refs", "find", "doctor --json", "scan --format ndjson"],
    "scan --format csv",
    ...["tree --format dot", "tree --format mermaid"],
    ...["patchelf --debug --set-rpath /x", "patchelf --debug --print-rpath"],
  ])("cannot steer a terminal in %s", (words) => {
    const [first = "", ...options] = words.split(" ");
    const place = first === "patchelf" ? [] : ["--store", join(directory, "store")];
    for (const path of [name, "tree"]) {
      const surroundings = { cwd: directory, env: { NO_COLOR: "1" } };
      const { stdout, stderr } = fixelf([first, ...options, ...place, path], surroundings);
      // CSV's lines end that way.
      for (const text of [stdout.replaceAll("\r\n", "\n"), stderr]) {
        expect(text.split("\n").find((line) => steers.test(line))).toBeUndefined();
        expect(text).not.toMatch(/^forged/m);
      }
    }
  });

  it.each([
    [`--${name}`],
    [name],
    ["doctor", `--${name}`],
    ["scan", "--format", name],
    ["fix", "--output", name, `-${name}`],
    ["auto-patchelf", `--${name}`],
    ["patchelf", `--${name}`],
    ["path", name],
  ])("cannot steer a terminal as an unknown word for a command: %s", (...words) => {
    const { stdout, stderr, code } = fixelf(words, { env: { NO_COLOR: "1" } });
    expect(code).not.toBe(0);
    for (const text of [stdout, stderr]) {
      expect(text.split("\n").find((line) => steers.test(line))).toBeUndefined();
      expect(text).not.toMatch(/^forged/m);
    }
  });

  it.each([["loaders"], ["index"], ["find", "libz.so.1"]])(
    "cannot steer a terminal as a store's name: %s",
    (...words) => {
      mkdirSync(join(directory, "stores", name, "empty"), { recursive: true });
      for (const store of [name, `${name}/empty`]) {
        const place = ["--store", join(directory, "stores", store), "--root", "/"];
        const { stdout, stderr } = fixelf([...words, ...place], { env: { NO_COLOR: "1" } });
        for (const text of [stdout, stderr]) {
          expect(text.split("\n").find((line) => steers.test(line))).toBeUndefined();
          expect(text).not.toMatch(/^forged/m);
        }
      }
    },
  );
});
