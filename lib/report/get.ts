// What --get is about to do.
import type { GetPlan, WantedPackage } from "../get/get.js";
import { inLines, line, type Shown } from "./shown.js";
import { plural } from "./text.js";

/** A line for each package, and one for the total effort. */
export function gettingText({ packages, effort }: GetPlan): Shown {
  return inLines([
    line`To get from nixpkgs, for what no store path has:`,
    ...packages.map((each) => line`  ${packageText(each)}`),
    line`  ${effortText(effort)}`,
  ]);
}

/** What cannot be got, one line each. */
export function withoutText({ without }: Pick<GetPlan, "without">): Shown[] {
  return without.map(({ soname, why }) => line`fixelf: cannot get ${soname}: ${why}`);
}

function packageText({ attribute, output, nixpkgs, sonames, cached }: WantedPackage): string {
  const where = nixpkgs.kind === "flake" ? `${nixpkgs.reference}#` : `${nixpkgs.file} -A `;
  const name = `${where}${attribute}${output === "out" ? "" : `.${output}`}`;
  const known = cached.map(({ cache, file, linkTo, size }) => {
    const version = linkTo === null ? "" : ` (${linkTo})`;
    return `${cache} has ${file}${version}${size === null ? "" : `, ${sizeText(size / 1024)}`}`;
  });
  return `${name} for ${sonames.join(", ")}${known.length === 0 ? "" : `: ${known.join("; ")}`}`;
}

function sizeText(kibibytes: number): string {
  return kibibytes < 1024 ? `${Math.ceil(kibibytes)} KiB` : `${(kibibytes / 1024).toFixed(1)} MiB`;
}

function effortText({ fetched, built, download, unpacked }: GetPlan["effort"]): string {
  const parts = [
    ...(fetched > 0
      ? [
          `${plural(fetched, "store path")} to fetch (${sizeText(download * 1024)} to download, ${sizeText(unpacked * 1024)} unpacked)`,
        ]
      : []),
    ...(built > 0 ? [`${plural(built, "derivation")} to build here`] : []),
  ];
  return parts.length === 0 ? "all of it is in the store" : parts.join(", ");
}
