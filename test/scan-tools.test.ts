// What a scan says about ELF files of this machine, in every column, against what other tools say: test/corpus.
import { describe, expect, it } from "vitest";
import { compare } from "./corpus/compare.js";
import { needs } from "./support/needs.js";

/** One file in so many, some thousands of those in /usr; npm run test:corpus takes all of many more. */
const oneOf = 50;

describe("a scan of /usr", needs("readelf", "eu-readelf", "pyelftools"), () => {
  it("is in each column what readelf, eu-readelf and pyelftools tell", async () => {
    const { files, equal, missing, differences } = await compare("/usr", {
      choose: (index) => index % oneOf === 0,
    });
    expect(files).toBeGreaterThan(20);
    // Each tool tells nearly all of the columns.
    expect(equal).toBeGreaterThan(90 * files);
    expect(missing).toEqual([]);
    expect(differences).toEqual([]);
  });
});
