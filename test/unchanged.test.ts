// Files that fix does not write to: doctor does not suggest to fix them, and the alternative that both print works.
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose, plan } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { commandLine, fixelf, run } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";
import { copyGlibc, NixosRoot, storePath } from "./support/store.js";

const main = "int main(void) { return 3; }";
const nowhere = "-Wl,-dynamic-linker,/nowhere/ld.so";
const carrying = "#!/nowhere/bash\nexit 3\n\0\x01PAYLOAD";

describe("a program that cannot be changed", needs("gcc", "ld.lld"), () => {
  const root = new NixosRoot();
  const store = root.in("/nix/store");
  const home = scratchDirectory();
  const own = { store, system: "/none", index: false };
  const kept = join(store, storePath("foreign-1.0", "f").slice("/nix/store/".length));
  const tool = join(kept, "bin/tool");
  const app = join(home, "app");
  const roomy = join(home, "roomy");
  const script = join(home, "self.sh");

  beforeAll(() => {
    compile(tool, main, nowhere);
    compile(app, main, nowhere, "-fuse-ld=lld");
    compile(roomy, main, nowhere, "-Wl,-z,separate-code");
    for (const path of [app, roomy]) appendFileSync(path, "PAYLOAD\x01\x02");
    mkdirSync(join(kept, "bin"), { recursive: true });
    for (const path of [script, join(kept, "bin/self.sh")]) {
      writeFileSync(path, carrying);
      chmodSync(path, 0o755);
    }
    compile(join(kept, "bin/bash"), main, "-static");
  });

  /** Doctor's only remedy, and fix's plan. */
  async function told(path: string, options: Parameters<typeof plan>[1] = own) {
    const [diagnosis] = await diagnose([path], options);
    const remedies = new Set(diagnosis?.findings.map(({ remedy }) => remedy));
    expect(remedies.size).toBe(1);
    const { files } = await plan([path], options);
    return { remedy: [...remedies][0] as string, refusal: files[0]?.refusal ?? null };
  }

  /** Runs a command as printed. */
  function pasted(command: string) {
    const words = [...commandLine].map((word) => `'${word}'`).join(" ");
    return run(["/bin/sh", "-c", `fixelf() { ${words} "$@"; }; ${command}`], { cwd: home });
  }

  it("is to be run unchanged if it is in the store or carries what would move", async () => {
    for (const path of [tool, app, script]) {
      const { remedy, refusal } = await told(path);
      expect(remedy).toBe(`fixelf run --store ${store} --system /none ${path}`);
      expect(refusal?.message).toContain(remedy);
    }
    expect(pasted((await told(tool)).remedy).code).toBe(3);
  });

  it("is to be fixed if the change fits", async () => {
    const { remedy, refusal } = await told(roomy);
    expect(remedy).toMatch(/^fixelf fix /);
    expect(refusal).toBe(null);
  });

  it("is given a remedy that works in another system", async () => {
    const options = { root: root.path, index: false };
    const seen = tool.slice(root.path.length);
    const { remedy, refusal } = await told(seen, options);
    expect(remedy).toBe(`fixelf env ${seen} --root ${root.path}`);
    expect(refusal?.message).toContain(remedy);
    expect(pasted(remedy)).toMatchObject({ code: 0, stdout: expect.stringContaining("NIX_LD=") });
    const inside = join(dirname(seen), "self.sh");
    expect((await told(inside, options)).remedy).toBe(`In the system itself: fixelf run ${inside}`);
  });

  it("can be written elsewhere from the store", async () => {
    const before = readFileSync(tool);
    const output = join(home, "copy");
    const { code } = fixelf([
      "fix",
      "--store",
      store,
      "--system",
      "/none",
      "--no-index",
      "--no-gc-root",
      "--output",
      output,
      tool,
    ]);
    expect(code).toBe(0);
    expect(run([output]).code).toBe(3);
    expect(readFileSync(tool)).toEqual(before);
    const again = join(kept, "bin/copy");
    await expect(plan([tool], { ...own, output: again })).rejects.toMatchObject({
      code: "in-store",
    });
    expect(existsSync(again)).toBe(false);
  });
});

describe("a directory that may not be written to", needs("gcc", "root"), () => {
  it("leaves the option of writing into the file itself", () => {
    const store = join(scratchDirectory(), "store");
    const loader = copyGlibc(join(store, `${"a".repeat(32)}-glibc-2.36/lib`));
    const path = compile(join(scratchDirectory(), "program"), main, nowhere);
    const state = scratchDirectory();
    for (const each of [path, state]) chownSync(each, 65534, 65534);
    for (const each of [dirname(path), dirname(store)]) chmodSync(each, 0o755);
    const words = ["--store", store, "--system", "/none"];
    const asNobody = (...given: string[]) =>
      fixelf([...given, path, ...words, "--no-index", "--no-gc-root", "--interpreter", loader], {
        env: { XDG_STATE_HOME: state, XDG_CACHE_HOME: state },
        ...{ uid: 65534, gid: 65534 },
      });
    const other = `fixelf fix --in-place ${path} ${words.join(" ")}`;
    expect(asNobody("fix").stdout).toContain(`write into the file itself: ${other}\n`);
    expect(asNobody("fix", "--in-place").code).toBe(0);
  });
});
