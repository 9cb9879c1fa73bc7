// --get: what no store path has is fetched from nixpkgs first. The options of every command that does so.
import type { Command } from "commander";
import type { GetPlan, Got } from "../get/get.js";
import type { Fetched } from "../report/documents.js";
import type { SharedFlags } from "./options.js";

export interface GetFlags extends SharedFlags {
  get?: boolean;
  yes?: boolean;
  nixpkgs?: string;
}

export function withGet(command: Command): Command {
  return command
    .option("--get", "fetch from nixpkgs what no store path provides, after listing it")
    .option("--yes", "with --get: do not ask for confirmation")
    .option(
      "--nixpkgs <what>",
      "with --get: use packages from this flake or directory (default: your nixpkgs)",
    );
}

/** What was fetched, and what is unavailable. */
interface Getting {
  got: readonly Got[];
  without: GetPlan["without"];
}

/** What a document says about it, if --get was given. */
export function getDocument(getting: Getting | null): Fetched {
  return getting === null ? {} : { got: getting.got.map(shown), notGot: getting.without };
}

function shown({ attribute, output, storePath, sonames, source }: Got) {
  return { attribute, output, storePath, sonames, source };
}
