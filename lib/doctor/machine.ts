// wrong-machine: the shell says "cannot execute binary file: Exec format error" (ENOEXEC).
import type { Facts } from "../addon/facts.js";
import { describeMachine, thisMachine } from "../file/machine.js";
import type { Subject } from "../file/tree.js";
import type { Finding } from "./finding.js";

export function machineFindings(subject: Subject, facts: Facts): Finding[] {
  const own = describeMachine(thisMachine());
  return [
    {
      code: "wrong-machine",
      severity: "error",
      message: `it is for ${describeMachine(facts)}, and this machine is ${own}`,
      evidence: [`the ELF header of ${subject.shown} says ${describeMachine(facts)}`],
      remedy: `Get the build for ${own}, or let qemu-user run this one (NixOS: boot.binfmt.emulatedSystems)`,
    },
  ];
}
