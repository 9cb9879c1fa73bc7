// Makes the test world once, before any test runs. Where that cannot be done, the tests that need it
// say so (test/support/require-part.ts).
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

export async function setup(): Promise<void> {
  const make = join(dirname(fileURLToPath(import.meta.url)), "make");
  await execa(make, { stdout: "ignore", stderr: "inherit", reject: process.env.CI !== undefined });
}
