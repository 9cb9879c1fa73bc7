// Which C library a file was linked against, and which names belong to a C library itself.
import type { Facts } from "../addon/facts.js";

/** The parts of glibc (shlib-versions), besides the loader and the name services. */
const partsOfGlibc = new Set([
  ...["libc.so.6", "libc.so.6.1", "libm.so.6", "libm.so.6.1", "libmvec.so.1", "libpthread.so.0"],
  ...["libdl.so.2", "librt.so.1", "libresolv.so.2", "libutil.so.1", "libanl.so.1"],
  ...["libBrokenLocale.so.1", "libthread_db.so.1"],
]);

/** Whether a needed library is musl: its own name, or Alpine's. */
export function isMuslName(soname: string): boolean {
  return soname === "libc.so" || (soname.startsWith("libc.musl-") && soname.endsWith(".so.1"));
}

/** Whether musl answers to that library name itself, whatever is on disk (ldso/dynlink.c, load_library). */
export function isReservedByMusl(name: string): boolean {
  return /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name);
}

/** Whether a needed library is part of glibc: then only the loader's own build of it will do. */
export function isPartOfGlibc(soname: string): boolean {
  if (soname.startsWith("libnss_")) return /^libnss_[a-z]+\.so\.2$/.test(soname);
  return partsOfGlibc.has(soname);
}

/** The facts that tell which libc a file is for. */
export type OfLibc = Partial<Pick<Facts, "interpreter" | "needed">>;

/** By the name of its interpreter, or by what it needs. */
export function libcOf({ interpreter, needed = [] }: OfLibc): "glibc" | "musl" {
  return interpreter?.includes("/ld-musl-") || needed.some(isMuslName) ? "musl" : "glibc";
}
