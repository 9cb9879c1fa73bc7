#!/usr/bin/env node
// The target of the package's `bin`. Reading and compiling the command line's source would take half the time of a
// short command, so it runs the code that V8 compiled when the package was built, if that is for this V8.
import { join } from "node:path";
import { CodeCache } from "./code_cache.js";

new CodeCache(join(__dirname, "code-cache")).load(join(__dirname, "chunks"), "main.cjs", require);
