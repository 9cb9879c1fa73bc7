// The dynamic linkers in a store, and which of them programs for this machine get.

import type { Facts } from "../addon/facts.js";
import { isLoaderName } from "../file/interpreter.js";
import { bannerVersion } from "../file/libc_banner.js";
import { compareVersions } from "../file/versions.js";
import { besides, type FileCandidate, inspectCandidates, type StoreContext } from "./candidates.js";
import { hostPath, nameOf } from "./place.js";
import { type Ranked, rank } from "./rank.js";

/** A dynamic linker in the store. */
export interface Loader {
  /** As seen from the root. */
  path: string;
  /** As in `Facts`. */
  machine: string;
  /** As in `Facts`. */
  class: Facts["class"];
  /** As in `Facts`. */
  byteOrder: Facts["byteOrder"];
  /** The C library that it belongs to. */
  libc: "glibc" | "musl" | "unknown";
  /** "2.40"; null when not known. */
  version: string | null;
  /** In the current system's closure; null when not known. */
  current: boolean | null;
  /** Kept by a GC root; null when not known. */
  rooted: boolean | null;
  /** A copy for bootstrapping nixpkgs or for an initrd, which is used only if there is no other. */
  bootstrap: boolean;
  /** What a program for this machine gets unless something speaks against it. */
  chosen: boolean;
  /** Why it is or is not chosen. */
  reason: string;
  /** The GLIBC_x versions that its libc.so.6 defines; programs and libraries must need no others. */
  definedVersions: string[];
}

type FoundLoader = FileCandidate & {
  libc: Loader["libc"];
  version: string | null;
  definedVersions: string[];
};

/** All loaders, the best for this machine first. */
export async function findLoaders(context: StoreContext): Promise<Loader[]> {
  const libraries = await context.libraries();
  const names = libraries.names("ld").filter(isLoaderName);
  const paths = names.flatMap((name) => libraries.paths(name));
  const named = context.userLoader === null ? [] : [context.userLoader];
  const candidates = await inspectCandidates(context, paths, named);
  const found = await Promise.all(candidates.map((candidate) => describe(context, candidate)));
  const knowledge = await context.knowledge();

  // Only loaders that can stand in for each other are compared.
  const kinds = new Map<string, FoundLoader[]>();
  for (const loader of found) {
    const kind = [
      Number(!loader.named),
      Number(!isForThisMachine(loader.facts)),
      loader.libc,
      loader.facts.machine,
      loader.facts.class,
      loader.facts.byteOrder,
    ].join(" ");
    kinds.set(kind, [...(kinds.get(kind) ?? []), loader]);
  }
  const ranked = [...kinds]
    .sort(([one], [two]) => (one < two ? -1 : 1))
    .flatMap(([, loaders]) => rank(loaders, knowledge, isLibc));
  const chosen = ranked.find(
    ({ facts, libc, named }) => isForThisMachine(facts) && (libc === "glibc" || named),
  );
  return ranked.map((loader) => asLoader(loader, loader === chosen));
}

/** Whether programs of that kind run natively on this machine. */
export function isForThisMachine({
  machine,
  class: fileClass,
  byteOrder,
}: Pick<Facts, "machine" | "class" | "byteOrder">): boolean {
  const own = machines[process.arch];
  return (
    own !== undefined &&
    machine === own.machine &&
    fileClass === own.class &&
    byteOrder === (own.byteOrder ?? "little-endian")
  );
}

const machines: Partial<
  Record<string, { machine: string; class: Facts["class"]; byteOrder?: Facts["byteOrder"] }>
> = {
  x64: { machine: "x86-64", class: "ELF64" },
  ia32: { machine: "i386", class: "ELF32" },
  arm64: { machine: "aarch64", class: "ELF64" },
  arm: { machine: "arm", class: "ELF32" },
  riscv64: { machine: "riscv", class: "ELF64" },
  loong64: { machine: "loongarch", class: "ELF64" },
  ppc64: { machine: "ppc64", class: "ELF64" },
  s390x: { machine: "s390", class: "ELF64", byteOrder: "big-endian" },
};

async function describe(context: StoreContext, candidate: FileCandidate): Promise<FoundLoader> {
  const { path, storePath } = candidate;
  const name = storePath === null ? "" : nameOf(storePath);
  if (/\/ld-musl-[^/]+$/.test(path) || candidate.facts.soname?.startsWith("ld-musl-")) {
    const said = await bannerVersion(hostPath(candidate.realPath, context.place), "musl");
    const version = said ?? /musl-(\d[\d.]*)/.exec(name)?.[1] ?? null;
    return { ...candidate, libc: "musl", version, definedVersions: [] };
  }
  // Next to the file itself: a user may name a link to it.
  const libc =
    (await context.inspector.inspect(besides(path, "libc.so.6"))) ??
    (await context.inspector.inspect(besides(candidate.realPath, "libc.so.6")));
  const definedVersions = (libc?.facts.versionsDefined ?? []).filter((version) =>
    version.startsWith("GLIBC_"),
  );
  const said =
    libc === null || definedVersions.length === 0
      ? null
      : await bannerVersion(hostPath(libc.realPath, context.place), "glibc");
  return {
    ...candidate,
    libc: definedVersions.length > 0 ? "glibc" : "unknown",
    partial: !(await isWhole(context, path)),
    version: glibcVersion(definedVersions, name, said),
    definedVersions,
  };
}

/** The packages whose purpose is to provide a C library, as nixpkgs names them. */
function isLibc(packageName: string): boolean {
  return ["glibc", "glibc-multi", "musl", "uclibc-ng"].includes(packageName);
}

/** The libraries besides libc.so.6 that a program of any age may need from a glibc (shlib-versions). */
const wholeGlibc = ["libm.so.6", "libpthread.so.0", "libdl.so.2"];

/** A bundle's copy has what the bundle needs; what it lacks could not come from another glibc. */
async function isWhole(context: StoreContext, loader: string): Promise<boolean> {
  for (const name of wholeGlibc)
    if ((await context.inspector.inspect(besides(loader, name))) === null) return false;
  return true;
}

/** The library's own version, or the newest GLIBC_2.N; made more precise by the store path's name if the two agree. */
export function glibcVersion(
  definedVersions: readonly string[],
  name: string,
  said: string | null = null,
): string | null {
  const [defined = null] = definedVersions
    .map((version) => /^GLIBC_(\d[\d.]*)$/.exec(version)?.[1])
    .filter((version) => version !== undefined)
    .sort((one, two) => compareVersions(two, one));
  const newest = said ?? defined;
  const inName = /^glibc-(\d+\.\d+(?:\.\d+)?(?:-\d+)?)/.exec(name)?.[1];
  if (newest === null || inName === undefined) return newest;
  // "2.4" is not a prefix of "2.40".
  return `${inName}.`.startsWith(`${newest}.`) || inName.startsWith(`${newest}-`) ? inName : newest;
}

function asLoader(loader: Ranked<FoundLoader>, chosen: boolean): Loader {
  return {
    path: loader.path,
    machine: loader.facts.machine,
    class: loader.facts.class,
    byteOrder: loader.facts.byteOrder,
    libc: loader.libc,
    version: loader.version,
    current: loader.current,
    rooted: loader.rooted,
    bootstrap: loader.bootstrap,
    chosen,
    reason: loader.reasons.join("; "),
    definedVersions: loader.definedVersions,
  };
}
