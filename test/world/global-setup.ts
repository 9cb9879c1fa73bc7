// Makes the test world once, before any test runs, and enters it. If either is impossible, the
// tests that need it are skipped: test/support/needs.ts.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { TestProject } from "vitest/node";

export async function setup(project: TestProject): Promise<void> {
  const here = dirname(fileURLToPath(import.meta.url));
  try {
    const { stdout: folder } = await execa(join(here, "make"));
    await execa(join(here, "enter"), ["--", "true"]);
    project.provide("world", folder);
  } catch (failure) {
    const { stderr, message } = failure as { stderr?: string; message: string };
    console.error(`No test world: ${stderr?.trim().split("\n").at(-1) || message}`);
    project.provide("world", null);
  }
}
