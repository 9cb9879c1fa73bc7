#!/usr/bin/env node
// prebuildify only knows node-gyp, and starts whatever `--node-gyp` names in its place. This is what we name: it makes
// cmake-js build in the directory where prebuildify looks for node-gyp's output.
import { spawnSync } from "node:child_process";

const forwarded = process.argv.slice(2).filter((argument) => /^--(arch=.+|debug)$/.test(argument));
const { error, status } = spawnSync("cmake-js", ["build", ...forwarded], { stdio: "inherit" });
if (error) throw error;
process.exitCode = status ?? 1;
