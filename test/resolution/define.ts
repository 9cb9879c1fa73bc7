// How the cases of one rule are written down.
import type { Case, FileSpec, Rule } from "./case.js";
import type { ObjectSpec } from "./object.js";

/** Files by their paths, which start with a slash, besides the other fields of a case. */
type Written = { [path: `/${string}`]: FileSpec } & Partial<Omit<Case, "title" | "files">>;

/** The cases by their titles. */
export function defineRule(name: string, cases: Record<string, Written>): Rule {
  return {
    name,
    cases: Object.entries(cases).map(([title, written]) => {
      const entries = Object.entries(written);
      const isFile = ([key]: [string, unknown]) => key.startsWith("/");
      const rest = Object.fromEntries(entries.filter((entry) => !isFile(entry)));
      const files = Object.fromEntries(entries.filter(isFile)) as Case["files"];
      return { title, files, ...rest };
    }),
  };
}

export function program(spec: ObjectSpec = {}): ObjectSpec {
  return { ...spec, program: true };
}

export function library(spec: ObjectSpec = {}): ObjectSpec {
  return spec;
}
