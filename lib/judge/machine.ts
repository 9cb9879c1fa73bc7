// wrong-machine: the shell reports "cannot execute binary file: Exec format error" (ENOEXEC).
import type { Facts } from "../addon/facts.js";
import { describeMachine, thisMachine } from "../file/machine.js";
import type { Problem } from "./problem.js";

export function machineProblem(facts: Facts): Problem {
  const own = describeMachine(thisMachine());
  return {
    code: "wrong-machine",
    severity: "error",
    message: `it is for ${describeMachine(facts)}, and this machine is ${own}`,
    evidence: [`its ELF header says ${describeMachine(facts)}`],
    remedy: `Get the build for ${own}, or run this one with qemu-user (NixOS: boot.binfmt.emulatedSystems)`,
    need: null,
  };
}
