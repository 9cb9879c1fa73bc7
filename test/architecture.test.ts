// docs/architecture.md draws which way imports go; this test checks them.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const top = fileURLToPath(new URL("..", import.meta.url));
const architecture = readFileSync(join(top, "docs/architecture.md"), "utf8");

/** Rooms by their floor, the topmost first: "a → b, c → d" between backticks, even across lines. */
function floorsIn(drawing: string): Map<string, number> {
  const floors = drawing.split("→").map((floor) => floor.split(",").map((room) => room.trim()));
  return new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor] as const)));
}

/** "judge" for "lib/judge/script.ts"; null for a file that is in no room. */
function roomOf(path: string): string | null {
  const [, room, ...below] = path.split("/");
  return room === undefined || below.length === 0 ? null : room;
}

function importsOf(path: string): string[] {
  const text = readFileSync(join(top, path), "utf8");
  const named = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g);
  return Array.from(named, ([, target = ""]) => normalize(join(dirname(path), target)));
}

describe("lib/", () => {
  const drawing = /`(cli → [^`]*)`/.exec(architecture)?.[1] ?? "";
  const floors = floorsIn(drawing);
  const files = readdirSync(join(top, "lib"), { recursive: true, encoding: "utf8" })
    .map((name) => `lib/${name}`)
    .filter((name) => name.endsWith(".ts"))
    .filter((path) => roomOf(path) !== null);

  it("has the rooms that the drawing names, and no others", () => {
    const rooms = new Set(files.map((path) => roomOf(path)));
    expect([...floors.keys()].sort()).toEqual([...rooms].sort());
  });

  it("imports downwards only", () => {
    const wrong = files.flatMap((path) =>
      importsOf(path)
        .filter((target) => {
          const [from, to] = [roomOf(path), roomOf(target)];
          if (to === null || from === to) return false;
          return (floors.get(from ?? "") as number) >= (floors.get(to) as number);
        })
        .map((target) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no import cycles", () => {
    const left = new Map(files.map((path) => [path.replace(/\.ts$/, ".js"), importsOf(path)]));
    for (let before = -1; before !== left.size; ) {
      before = left.size;
      for (const [path, targets] of left)
        if (!targets.some((target) => left.has(target))) left.delete(path);
    }
    expect([...left.keys()]).toEqual([]);
  });

  // Names are bytes, and Node's own functions for them are for UTF-8, so each kind has one door. (What loads the
  // command line reads only files that the package brings, and imports nothing.)
  const loader = /^lib\/cli\/(start|code_cache)\.ts$/;
  it.each([
    ["the disk", /"node:fs(\/promises)?"/, "lib/base/disk.ts"],
    [
      "the process's words and directories",
      /process\.(argv|cwd)\b|\bhomedir\b/,
      "lib/base/process.ts",
    ],
  ])("reaches %s through one door", (_, what, door) => {
    const doors = files
      .filter((path) => !loader.test(path))
      .filter((path) => what.test(readFileSync(join(top, path), "utf8")));
    expect(doors).toEqual([door]);
  });

  // Everything else prints through `Output`, which takes only text that has been made safe for a
  // terminal.
  it("prints for people in few places", () => {
    const prints = /\bwriteFully\(|\b(stdout|stderr|stream)\.write\(/;
    const printing = files.filter((path) => prints.test(readFileSync(join(top, path), "utf8")));
    const inCommands = printing.filter((path) => path.startsWith("lib/cli/"));
    expect(inCommands.map((path) => path.slice("lib/cli/".length)).sort()).toEqual([
      ...["auto_patchelf.ts", "command.ts", "getting.ts", "index_talk.ts", "program.ts"],
      ...["progress.ts", "sink.ts", "watch.ts"],
    ]);
    expect(printing.filter((path) => path.startsWith("lib/report/"))).toEqual([]);
  });
});

describe("native/addon/", () => {
  it("passes strings through one door", () => {
    const directory = "native/addon";
    const doors = readdirSync(join(top, directory)).filter((name) =>
      /Napi::String|Utf8Value|napi_(create|get_value)_string/.test(
        readFileSync(join(top, directory, name), "utf8"),
      ),
    );
    expect(doors.sort()).toEqual(["text.cpp", "text.hpp"]);
  });
});

describe("test/", () => {
  it("compiles, creates files and starts the command line only through test/support", () => {
    const own =
      /\bmkdtemp|\bsharedObjects\b|\w+(?:Sync)?\(\s*"(?:\w+-)*gcc", \[|\.\.\/dist\/cli\/main/;
    const files = ["test", "test/end-to-end"].flatMap((folder) =>
      readdirSync(join(top, folder)).map((name) => `${folder}/${name}`),
    );
    const tests = files.filter(
      (path) => path.endsWith(".test.ts") && path !== "test/architecture.test.ts",
    );
    expect(tests.filter((path) => own.test(readFileSync(join(top, path), "utf8")))).toEqual([]);
  });
});
