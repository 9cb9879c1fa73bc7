// docs/api describes everything that the package exports, and as it is now.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkerScript } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

const checkout = fileURLToPath(new URL("..", import.meta.url));
const build = (top: string, directory: string) =>
  checkerScript(join(top, "scripts/build-api.mjs"), directory);

describe("docs/api", () => {
  it("is what the declarations generate", () => {
    const made = scratchDirectory();
    const { stderr, code } = build(checkout, made);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const present = join(checkout, "docs/api");
    expect(readdirSync(made).sort()).toEqual(readdirSync(present).sort());
    for (const file of readdirSync(made))
      expect(readFileSync(join(made, file), "utf8"), file).toBe(
        readFileSync(join(present, file), "utf8"),
      );
  });

  it("has links that lead somewhere", () => {
    const folder = join(checkout, "docs/api");
    const texts = new Map(
      readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), "utf8")]),
    );
    const anchors = new Map(
      [...texts].map(([file, text]) => {
        const seen = new Map<string, number>();
        const headings = [...text.matchAll(/^## (\w+)$/gm)].map(([, name = ""]) => {
          const times = seen.get(name.toLowerCase()) ?? 0;
          seen.set(name.toLowerCase(), times + 1);
          return name.toLowerCase() + (times > 0 ? `-${times}` : "");
        });
        return [file, new Set(headings)];
      }),
    );
    const links = [...texts.values()].flatMap((text) => [
      ...text.matchAll(/\]\((\w+\.md)#([\w-]+)\)/g),
    ]);
    expect(links.length).toBeGreaterThan(anchors.size);
    const dead = links.filter(([, file = "", anchor = ""]) => !anchors.get(file)?.has(anchor));
    expect(dead.map(([link]) => link)).toEqual([]);
  });

  it("cannot be generated while something is undocumented", () => {
    const top = scratchDirectory();
    for (const name of ["scripts", "package.json", "tsconfig.types.json"])
      cpSync(join(checkout, name), join(top, name), { recursive: true });
    symlinkSync(join(checkout, "node_modules"), join(top, "node_modules"));
    const declare = (text: string) => {
      for (const directory of ["dist/base", "dist/require-types"])
        mkdirSync(join(top, directory), { recursive: true });
      writeFileSync(join(top, "dist/index.d.ts"), 'export * from "./base/all.js";\n');
      writeFileSync(join(top, "dist/require-types/index.d.ts"), "export {};\n");
      writeFileSync(join(top, "dist/base/all.d.ts"), text);
    };
    const codes = '/** `io`. */\nexport type FixelfErrorCode = "io";\n';
    declare(
      `${codes}/** One. @throws FixelfError \`io\` */\nexport declare function one(): void;\n`,
    );
    expect(build(top, join(top, "made")).stderr).toBe("");
    declare(
      `${codes.replace("`io`", "Codes")}interface Hidden { a: 1 }
       export {};
       /** Shown. */
       export interface Shown {
         member: Hidden;
         /** It. */
         pair: { x: number };
       }
       export declare function silent(): void;
       /** Wrong. @throws FixelfError \`oi\` */
       export declare function wrong(): void;`,
    );
    const { stderr, code } = build(top, join(top, "made"));
    expect(code).toBe(1);
    expect(stderr.trim().split("\n").sort()).toEqual([
      "FixelfErrorCode: does not say what io means",
      "Shown (lib/base/all.ts): member: has no comment",
      "Shown (lib/base/all.ts): pair: x: has no comment",
      "Shown (lib/base/all.ts): uses Hidden, which is not exported",
      "silent (lib/base/all.ts): does not say what it throws",
      "silent (lib/base/all.ts): has no comment",
      "wrong (lib/base/all.ts): throws oi, which is no code of an error",
    ]);
  });
});
