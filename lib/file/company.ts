// Which files in a tree may come together in a process, and which of them serve no purpose there: packages include
// builds for other machines and other libcs than this one's.
import type { Facts } from "../addon/facts.js";
import { isStartedByLoader } from "./kind.js";
import { libcOf } from "./libc.js";
import { describeMachine, kernelRuns, sameMachine } from "./machine.js";

interface Member {
  facts: Facts;
}

/** Files for one machine and one libc, in the order of each group's first file. */
export function companiesOf<M extends Member>(members: readonly M[]): M[][] {
  const companies: M[][] = [];
  for (const member of members) {
    const company = companies.find(([first]) => first && mayComeTogether(first, member));
    if (company === undefined) companies.push([member]);
    else company.push(member);
  }
  return companies;
}

function mayComeTogether({ facts: one }: Member, { facts: other }: Member): boolean {
  return sameMachine(one, other) && libcOf(one) === libcOf(other);
}

/**
 * Why a company serves no purpose in its tree; null if it does, or may.
 * @param root another system's root, whose machine is not known; "" for this one's
 */
export function whyForNothing<M extends Member>(
  company: readonly M[],
  companies: readonly (readonly M[])[],
  root: string,
): string | null {
  const isOwn = ([first]: readonly M[]) =>
    first !== undefined && (root !== "" || kernelRuns(first.facts));
  const [first] = company;
  if (first === undefined || companies.length < 2) return null;
  if (!isOwn(company) && companies.some(isOwn)) return `it is for ${describeMachine(first.facts)}`;
  const able = companies.some(isOwn) ? companies.filter(isOwn) : companies;
  const withPrograms = able.filter((other) => other.some(hasLoader));
  // If there are only libraries, what loads them is elsewhere, and on nearly every system that is for glibc.
  const decisive = withPrograms.length > 0 ? withPrograms : able.filter(isForGlibc);
  if (decisive.length === 0 || decisive.includes(company)) return null;
  return `no program here loads a library for ${libcAndMachine(first.facts)}`;
}

/** "musl on x86-64 (ELF64)". */
export function libcAndMachine(facts: Facts): string {
  return `${libcOf(facts)} on ${describeMachine(facts)}`;
}

function isForGlibc([first]: readonly Member[]): boolean {
  return first !== undefined && libcOf(first.facts) === "glibc";
}

function hasLoader({ facts }: Member): boolean {
  return isStartedByLoader(facts);
}
