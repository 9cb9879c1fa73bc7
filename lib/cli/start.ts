#!/usr/bin/env node
// The target of the package's `bin`. Reading and compiling the command line's source would take half the time of a
// short command, so it runs the code that V8 compiled when the package was built, if that is for this V8.
import { join } from "node:path";
import { CodeCache } from "./code_cache.js";

const chunks = join(__dirname, "chunks");
const main = "main.cjs";

const cache = CodeCache.ofThisNode(join(__dirname, "code-cache"));
if (cache === null) require(join(chunks, main));
else cache.load(chunks, main, require);
