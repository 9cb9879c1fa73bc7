#!/usr/bin/env node
// prebuildify knows only node-gyp, and starts whatever `--node-gyp` names as if it were that. This is
// what we name: it has cmake-js do the build, in the place where prebuildify looks for node-gyp's.
import { spawnSync } from "node:child_process";

const forwarded = process.argv.slice(2).filter((argument) => /^--(arch=.+|debug)$/.test(argument));
const { error, status } = spawnSync("cmake-js", ["build", ...forwarded], { stdio: "inherit" });
if (error) throw error;
process.exitCode = status ?? 1;
