// Every rule of the loaders, in small cases: fixelf's answer is the real loader's own.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { native } from "../lib/addon/native.js";
import { resolveWith } from "../lib/addon/resolutions.js";
import { type Answer, comparable, ownAnswer } from "./resolution/answer.js";
import { type Case, layOut, programOf, type Rule, realLoader, suits } from "./resolution/case.js";
import { ask, baseOf, furnish, type Laid } from "./resolution/judge.js";
import { type Machine, machines, partsOf } from "./resolution/machines.js";
import { ownMapped } from "./resolution/mapped.js";
import { Foundry } from "./resolution/object.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

const rules: Rule[] = [];
for (const name of readdirSync(new URL("resolution/cases", import.meta.url)).sort()) {
  rules.push((await import(`./resolution/cases/${name}/cases.ts`)).default as Rule);
}

const foundries = new Map(
  machines.map((machine) => [machine.name as string, new Foundry(machine)]),
);

/**
 * The ways in which a case's program is started, and what each needs besides compiler and loader.
 */
const ways = {
  ordinary: { title: "", parts: [] },
  secure: { title: ", in secure mode", parts: ["set-user-ID programs"] },
  throughStandIn: { title: ", through a stand-in", parts: ["stand-in for x86_64"] },
};
type Way = keyof typeof ways;

function wayOf({ secure, nixLd }: Case): Way {
  if (nixLd !== undefined) return "throughStandIn";
  return secure ? "secure" : "ordinary";
}

for (const machine of machines) {
  for (const [way, { title, parts }] of Object.entries(ways)) {
    const cases = casesFor(machine).filter((each) => wayOf(each.case) === way);
    if (cases.length === 0) continue;
    const name = `a resolution for ${machine.name}${title}`;
    describe(name, needs(...partsOf(machine), ...parts), () => judged(machine, cases));
  }
}

it("judges at least 150 different cases by this machine's loader", () => {
  const [host] = machines;
  if (!host) throw new Error("no machine");
  // Titles make no difference.
  const different = new Set(
    casesFor(host).map(({ case: { title: _, ...rest } }) => inspect(rest, { depth: null })),
  );
  expect(different.size).toBeGreaterThanOrEqual(150);
});

interface RuledCase {
  rule: string;
  case: Case;
}

function casesFor(machine: Machine): RuledCase[] {
  return rules.flatMap(({ name, cases }) =>
    cases.filter((case_) => suits(case_, machine)).map((case_) => ({ rule: name, case: case_ })),
  );
}

function judged(machine: Machine, cases: RuledCase[]): void {
  const scratch = scratchDirectory();
  const laid: Laid[] = cases.map(({ case: case_ }, index) => ({
    case: case_,
    directory: join(scratch, `${index}.d`),
  }));
  let answers: Answer[] = [];

  beforeAll(() => {
    for (const { case: case_, directory } of laid) {
      mkdirSync(directory);
      layOut(case_, directory, baseOf(machine, directory), machine, foundries);
      furnish(case_, machine, directory);
    }
    answers = ask(machine, laid, scratch);
  });

  for (const [index, { rule, case: case_ }] of cases.entries()) {
    it(`${rule}: ${case_.title}`, async () => {
      const { directory } = laid[index] as Laid;
      const base = baseOf(machine, directory);
      const files = new native.Files(machine.emulator === null ? directory : "");
      const replaced = (text: string | undefined) => text?.replaceAll("@", base) ?? "";
      const resolution = await resolveWith(files, `${base}${programOf(case_)}`, {
        libraryPath: replaced(case_.libraryPath),
        preload: replaced(case_.preload),
        ...(machine.processor !== null && { processor: machine.processor }),
        ...(case_.secure && { secure: true }),
        ...(case_.nixLd !== undefined && {
          nixLd: { loader: realLoader, libraryPath: case_.nixLd },
        }),
      });
      const loaders = [machine.interpreter, machine.loader, realLoader];
      const own = case_.secure
        ? ownMapped(resolution, [...loaders, programOf(case_)], (path) => files.realPath(path))
        : ownAnswer(resolution, loaders);
      const unordered = case_.unordered ?? false;
      expect(comparable(own, unordered)).toEqual(comparable(answers[index] as Answer, unordered));
    });
  }
}
