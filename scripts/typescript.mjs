// What TypeScript's checker knows about a project in this checkout.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { API } from "typescript/unstable/sync";

export const top = fileURLToPath(new URL("..", import.meta.url));

/**
 * The `checker` and the `program` for the project that `config`, a file at the top, describes. Their process ends along
 * with this one, and may then print "context canceled" on stderr.
 */
export function projectOf(config) {
  const path = join(top, config);
  return new API({ cwd: top }).updateSnapshot({ openProjects: [path] }).getProject(path);
}
