// Why --build-resolution-cache wrote nothing; no failure, as for patchelf.
import type { NoCache } from "../edit/request.js";

export function noCacheText(why: NoCache): string {
  return `warning: --build-resolution-cache: ${texts[why]}; no cache written`;
}

const texts: Record<NoCache, string> = {
  "no-dynamic-table": "no dynamic section (statically linked?)",
  "nothing-to-resolve": "no DT_NEEDED entries or run path to resolve",
  "nothing-found": "no libraries resolved against the run path",
};
