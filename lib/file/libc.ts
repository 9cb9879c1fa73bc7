// Which C library a file was linked against, and which names belong to a C library itself.
import type { Facts } from "../addon/facts.js";

/** Alpine's name for musl, and musl's own. */
const muslNames = /^libc\.(musl-[^/]+\.so\.1|so)$/;

/** The parts of glibc (shlib-versions), besides the loader. */
const partsOfGlibc =
  /^lib(c\.so\.6(\.1)?|m\.so\.6(\.1)?|mvec\.so\.1|pthread\.so\.0|dl\.so\.2|rt\.so\.1|resolv\.so\.2|util\.so\.1|anl\.so\.1|BrokenLocale\.so\.1|thread_db\.so\.1|nss_[a-z]+\.so\.2)$/;

/** Whether a needed library is musl. */
export function isMuslName(soname: string): boolean {
  return muslNames.test(soname);
}

/** Whether musl answers to that library name itself, whatever is on disk (ldso/dynlink.c, load_library). */
export function isReservedByMusl(name: string): boolean {
  return /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name);
}

/** Whether a needed library is part of glibc: then only the loader's own build of it will do. */
export function isPartOfGlibc(soname: string): boolean {
  return partsOfGlibc.test(soname);
}

/** The facts that tell which libc a file is for. */
export type OfLibc = Partial<Pick<Facts, "interpreter" | "needed">>;

/** By the name of its interpreter, or by what it needs. */
export function libcOf({ interpreter, needed = [] }: OfLibc): "glibc" | "musl" {
  return interpreter?.includes("/ld-musl-") || needed.some(isMuslName) ? "musl" : "glibc";
}
