// What a scan reports about this machine's ELF files, in every column, compared with other tools: test/corpus.
import { describe, expect, it } from "vitest";
import { compare } from "./corpus/compare.js";
import { needs } from "./support/needs.js";

/**
 * One file in this many, some thousands of those in /usr; npm run test:corpus takes all of many
 * more.
 */
const oneOf = 50;

describe("a scan of /usr", needs("readelf", "eu-readelf", "pyelftools"), () => {
  it("agrees in each column with readelf, eu-readelf and pyelftools", async () => {
    const { files, equal, missing, differences } = await compare("/usr", {
      choose: (index) => index % oneOf === 0,
    });
    expect(files).toBeGreaterThan(20);
    // Each tool covers nearly all of the columns.
    expect(equal).toBeGreaterThan(90 * files);
    expect(missing).toEqual([]);
    expect(differences).toEqual([]);
  });
});
