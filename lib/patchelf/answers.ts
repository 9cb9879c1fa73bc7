// What patchelf prints of a file: what it says before anything is changed.
import type { Facts } from "../facts.js";
import type { Question, Request } from "./arguments.js";
import { cannotFind } from "./failure.js";
import { osAbiText } from "./os_abi.js";

/** The lines, in patchelf's order; those before a failure are printed. */
export function* answers(request: Request, facts: Facts): Generator<string> {
  for (const question of order) {
    if (request.questions.has(question)) yield* answer[question](facts);
  }
}

const order: readonly Question[] = [
  "interpreter",
  "osAbi",
  "soname",
  "rpath",
  "executableStack",
  "needed",
];

const answer: Record<Question, (facts: Facts) => Iterable<string>> = {
  interpreter({ interpreter }) {
    if (interpreter === null) throw cannotFind(".interp");
    return [interpreter];
  },
  osAbi: ({ osAbiNumber }) => [osAbiText(osAbiNumber)],
  soname(facts) {
    if (!isSharedObject(facts)) return [];
    demandDynamicTable(facts);
    return facts.soname ? [facts.soname] : [];
  },
  rpath(facts) {
    demandDynamicTable(facts);
    return facts.dynamicTable === "elsewhere" ? [] : [facts.runpath ?? facts.rpath ?? ""];
  },
  executableStack: ({ executableStack }) => [
    `execstack: ${executableStack === null ? "?" : executableStack ? "X" : "-"}`,
  ],
  needed(facts) {
    demandDynamicTable(facts);
    return facts.needed;
  },
};

/** ET_DYN: libraries, and programs that are loaded anywhere. */
export function isSharedObject({ type }: Facts): boolean {
  return type === "pie" || type === "shared-library" || type === "static-pie";
}

/** @throws PatchelfFailure */
export function demandDynamicTable({ dynamicTable }: Facts): void {
  if (dynamicTable === "none") throw cannotFind(".dynamic");
}
