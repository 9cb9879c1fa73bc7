// Every rule of the loaders, in small cases: fixelf's answer is the real loader's own.
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { native } from "../lib/native.js";
import { type Answer, comparable, ownAnswer } from "./resolution/answer.js";
import { layOut, type Rule, suits } from "./resolution/case.js";
import { ask, baseOf, furnish, type Laid } from "./resolution/judge.js";
import { type Machine, machines, missingPart } from "./resolution/machines.js";
import { Foundry } from "./resolution/object.js";
import { part } from "./support/require-part.js";

const rules: Rule[] = [];
for (const name of readdirSync(new URL("resolution/cases", import.meta.url)).sort()) {
  rules.push((await import(`./resolution/cases/${name}/cases.ts`)).default as Rule);
}

const foundries = new Map(
  machines.map((machine) => [machine.name as string, new Foundry(machine)]),
);
afterAll(() => {
  for (const foundry of foundries.values()) foundry.close();
});

for (const machine of machines) {
  part(`the loader of ${machine.name}`, missingPart(machine))(machine.name, () => judged(machine));
}

function judged(machine: Machine): void {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "fixelf-resolution-")));
  const cases = rules.flatMap(({ name, cases }) =>
    cases.filter((case_) => suits(case_, machine)).map((case_) => ({ rule: name, case: case_ })),
  );
  const laid: Laid[] = cases.map(({ case: case_ }, index) => ({
    case: case_,
    directory: join(scratch, `${index}.d`),
  }));
  let answers: Answer[] = [];

  beforeAll(() => {
    for (const { case: case_, directory } of laid) {
      mkdirSync(directory);
      layOut(case_, directory, baseOf(machine, directory), machine, foundries);
      furnish(machine, directory);
    }
    answers = ask(machine, laid, scratch);
  }, 600_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  for (const [index, { rule, case: case_ }] of cases.entries()) {
    it(`${rule}: ${case_.title}`, async () => {
      const { directory } = laid[index] as Laid;
      const base = baseOf(machine, directory);
      const files = new native.Files(machine.emulator === null ? directory : "");
      const replaced = (text: string | undefined) => text?.replaceAll("@", base) ?? "";
      const resolution = await files.resolve(`${base}${case_.program ?? "/bin/program"}`, {
        libraryPath: replaced(case_.libraryPath),
        preload: replaced(case_.preload),
        ...(machine.processor !== null && { processor: machine.processor }),
      });
      const own = ownAnswer(resolution, [machine.interpreter, machine.loader]);
      const unordered = case_.unordered ?? false;
      expect(comparable(own, unordered)).toEqual(comparable(answers[index] as Answer, unordered));
    });
  }
}
