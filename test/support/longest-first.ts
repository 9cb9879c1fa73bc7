// The order of the test files: those that take minutes come first, so that none of them is left when all others are
// done. vitest knows how long each took last time, but in test/all that was on a bare machine, which skipped them.
import { BaseSequencer, type TestSpecification } from "vitest/node";

const ofParts = ["lifetime", "run", "patchelf", "index", "kills", "scan", "faults"]
  .concat(["scan-command", "resolution", "limits"])
  .map((name) => `/test/${name}.test.ts`);
const ofWorld = ["unpatched", "get", "garbage-collection", "watch", "resolution", "start"].map(
  (name) => `/test/end-to-end/${name}.test.ts`,
);
const longest = [...ofParts, ...ofWorld];

const isLong = ({ moduleId }: TestSpecification) => longest.some((end) => moduleId.endsWith(end));

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    // One project after another, in vitest's order.
    return [...new Set(sorted.map(({ project }) => project))].flatMap((project) => {
      const own = sorted.filter((file) => file.project === project);
      return [...own.filter(isLong), ...own.filter((file) => !isLong(file))];
    });
  }
}
