// The programs that the matrix requires: test/support/needs.ts.
import { machines } from "./axes.js";

export const tools = [
  ..."clang go rustc ld.lld ld.mold llvm-strip llvm-objcopy".split(" "),
  ..."readelf eu-elflint gdb gdb-multiarch".split(" "),
  ...Object.values(machines).flatMap(({ triplet, qemu }) => [
    `${triplet}-gcc`,
    ...(qemu === null ? [] : [qemu]),
  ]),
];
