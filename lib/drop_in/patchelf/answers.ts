// What patchelf prints of a file: what it says before anything is changed.
import type { Facts } from "../../addon/facts.js";
import type { Question, Request } from "./arguments.js";
import { cannotFind } from "./failure.js";

/** The lines, in patchelf's order; those before a failure are printed. */
export async function* answers(request: Request, facts: Facts): AsyncGenerator<string> {
  for (const question of order) {
    if (request.questions.has(question)) yield* await answer[question](facts);
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

const answer: Record<Question, (facts: Facts) => Iterable<string> | Promise<Iterable<string>>> = {
  interpreter({ interpreter }) {
    if (interpreter === null) throw cannotFind(".interp");
    return [interpreter];
  },
  async osAbi({ osAbiNumber }) {
    const { osAbiText } = await import("./os_abi.js");
    return [osAbiText(osAbiNumber)];
  },
  soname(facts) {
    if (!isSharedObject(facts)) return [];
    demandDynamicTable(facts);
    return facts.soname ? [facts.soname] : [];
  },
  rpath(facts) {
    demandDynamicTable(facts);
    return facts.dynamicTable === "unread" ? [] : [facts.runpath ?? facts.rpath ?? ""];
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

/** @throws FixelfError */
export function demandDynamicTable({ dynamicTable }: Facts): void {
  if (dynamicTable === "none") throw cannotFind(".dynamic");
}
