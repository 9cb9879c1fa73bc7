// A damaged file: whether a fix was interrupted while writing to it, and what is reported if that cannot be told.
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diagnose, edit, undo } from "../lib/index.js";
import { compile } from "./support/compile.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const tree = scratchDirectory();
const program = join(tree, "program");
const records = join(process.env.XDG_STATE_HOME as string, "fixelf/undo");
const record = () => join(records, readdirSync(records)[0] as string);

describe("a damaged file", needs("gcc"), () => {
  let original: Buffer;

  /** The file at its old size, with the first writes done, and its record pending. */
  beforeEach(async () => {
    compile(program, "int main(void) { return 0; }");
    original = readFileSync(program);
    await edit(program, { searchPath: { set: `/${"long/".repeat(1000)}` } });
    renameSync(record(), `${record()}+`);
    truncateSync(program, original.length);
  });
  afterEach(() => {
    rmSync(records, { recursive: true, force: true });
  });

  /** What doctor reports about the file, both by its name and below its directory. */
  async function said(): Promise<{ message: string; remedy: string }[]> {
    const answers = [await diagnose([program]), await diagnose([tree])];
    return answers.map(([{ findings: [{ message, remedy } = expect.fail()] = [] } = {}]) => ({
      message,
      remedy,
    }));
  }
  const says = (message: RegExp, remedy: RegExp) =>
    Array(2).fill({
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
    });

  it("is half written, and undo repairs it", async () => {
    expect(await said()).toEqual(says(/: a fix was interrupted as it wrote/, /^fixelf undo \//));
    await undo([program]);
    expect(readFileSync(program)).toEqual(original);
  });

  it("is not taken for half written without a record", async () => {
    rmSync(records, { recursive: true });
    expect(await said()).toEqual(says(/^(?!.*interrupted)/, /^Download /));
  });

  it("is not taken for half written if somebody has written to it since", async () => {
    truncateSync(program, 100);
    expect(await said()).toEqual(says(/^(?!.*interrupted)/, /^Download /));
  });

  it.each([
    ["the directory of records is not believed", () => chmodSync(records, 0o777), "chmod go-w"],
    ["its record is not believed", () => chmodSync(record(), 0o666), "others may write"],
    ["its record is damaged", () => truncateSync(record(), 20), "is damaged"],
  ])("may be half written if %s", async (_, spoil, why) => {
    spoil();
    expect(await said()).toEqual(
      says(new RegExp(`; whether a fix was interrupted is not known: .*${why}`), /^Download /),
    );
  });
});
