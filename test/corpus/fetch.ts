// Debian packages of many architectures, unpacked as store paths inside a root.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { groupedBy } from "../../lib/base/grouped.js";

const fetcher = fileURLToPath(new URL("../world/recipe/fetch-debian-packages", import.meta.url));

/** The lines of the file `packages` beside this one: release, architecture, package. */
function wantedPackages(): string[] {
  const lines = readFileSync(new URL("packages", import.meta.url), "utf8").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const [release = "", architectures = "", packages = ""] = line.split("|");
      const words = (text: string) => text.trim().split(/\s+/);
      return words(architectures).flatMap((architecture) =>
        words(packages).map((name) => `${release.trim()} ${architecture} ${name}`),
      );
    });
}

/** Fetches them into a directory, with package lists of its own. */
export function fetchPackages(directory: string): void {
  // One architecture at a time: apt searches all the lists that it has for each.
  for (const lines of groupedBy(wantedPackages(), (line) => line.split(" ", 2).join(" ")))
    execFileSync(fetcher, [directory], {
      input: `${lines.join("\n")}\n`,
      stdio: ["pipe", "inherit", "inherit"],
    });
}

/** Unpacks each package in the directory as a store path inside a root. */
export function unpackPackages(directory: string, root: string): void {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".deb")).sort()) {
    const name = file.slice(0, -".deb".length).replace(/[^A-Za-z0-9.]+/g, "-");
    const store = join(root, "nix/store", `${digestOf(file)}-${name}`);
    mkdirSync(store, { recursive: true });
    execFileSync("dpkg-deb", ["--extract", join(directory, file), store]);
  }
}

/** Looks like Nix's: 32 characters of its alphabet (nix, src/libutil/hash.cc). */
function digestOf(name: string): string {
  const alphabet = "0123456789abcdfghijklmnpqrsvwxyz";
  const bytes = createHash("sha256").update(name).digest();
  return Array.from(bytes, (byte) => alphabet[byte % 32]).join("");
}
