#!/usr/bin/env node
// What the package's `bin` names. Reading the command line's source and compiling it would be half of what a short
// command takes, so it runs with the code that V8 made of it when the package was built, where that is of this V8.
import { join } from "node:path";
import { CodeCache } from "./code_cache.js";

const chunks = join(__dirname, "chunks");
const main = "main.cjs";

const cache = CodeCache.ofThisNode(join(__dirname, "code-cache"));
if (cache === null) require(join(chunks, main));
else cache.load(chunks, main, require);
