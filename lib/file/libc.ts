// Which C library a file was linked against, and which names are a C library's own.
import type { Facts } from "../addon/facts.js";

/** As Alpine names musl, and as musl names itself. */
const muslNames = /^libc\.(musl-[^/]+\.so\.1|so)$/;

/** What glibc is made of (shlib-versions), beside the loader. */
const partsOfGlibc =
  /^lib(c\.so\.6(\.1)?|m\.so\.6(\.1)?|mvec\.so\.1|pthread\.so\.0|dl\.so\.2|rt\.so\.1|resolv\.so\.2|util\.so\.1|anl\.so\.1|BrokenLocale\.so\.1|thread_db\.so\.1|nss_[a-z]+\.so\.2)$/;

/** Whether a needed library is musl. */
export function isMuslName(soname: string): boolean {
  return muslNames.test(soname);
}

/** Whether musl takes itself for a library of that name, whatever the disk holds (ldso/dynlink.c, load_library). */
export function isReservedByMusl(name: string): boolean {
  return /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name);
}

/** Whether a needed library is a part of glibc: only the loader's own build of it will do. */
export function isPartOfGlibc(soname: string): boolean {
  return partsOfGlibc.test(soname);
}

/** What says which libc a file is for. */
export type OfLibc = Partial<Pick<Facts, "interpreter" | "needed">>;

/** By the name of its interpreter, or by its needs. */
export function libcOf({ interpreter, needed = [] }: OfLibc): "glibc" | "musl" {
  return interpreter?.includes("/ld-musl-") || needed.some(isMuslName) ? "musl" : "glibc";
}
