// The programs that the matrix cannot do without.
import { spawnSync } from "node:child_process";
import { machines } from "./axes.js";

const commands = [
  ..."clang go rustc ld.lld ld.mold llvm-strip llvm-objcopy".split(" "),
  ..."readelf eu-elflint gdb gdb-multiarch".split(" "),
  ...Object.values(machines).flatMap(({ triplet, qemu }) => [
    `${triplet}-gcc`,
    ...(qemu === null ? [] : [qemu]),
  ]),
];

export function whatIsMissing(): string | null {
  const missing = commands.filter(
    (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0,
  );
  return missing.length === 0 ? null : `${missing.join(", ")} not installed`;
}
