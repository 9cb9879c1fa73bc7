// Databases as nix-index writes them (src/database.rs).
import { execFileSync } from "node:child_process";

export interface Package {
  attribute: string;
  output: string;
  name: string;
  toplevel: boolean;
  /** Paths, with nix-index's metadata for them. */
  files: [meta: string, path: string][];
}

/** Entries as in nix-index's src/frcode.rs: shared prefixes as differences of one byte, or of two after 0x80. */
export class Writer {
  readonly #pieces: Buffer[] = [];
  #last: Buffer = Buffer.alloc(0);
  #shared = 0;

  add(of: Package): void {
    for (const [meta, path] of of.files) this.#entry(meta, Buffer.from(path), true);
    const { attribute, output, name, toplevel } = of;
    const origin = { attr: attribute, output, toplevel, system: "x86_64-linux" };
    const json = { store_dir: "/nix/store", hash: "a".repeat(32), name, origin };
    this.#entry("p", Buffer.from(JSON.stringify(json)), false);
    this.#last = Buffer.alloc(0);
  }

  content(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #entry(meta: string, path: Buffer, mayShare: boolean): void {
    let shared = 0;
    while (mayShare && shared < path.length && path[shared] === this.#last[shared]) shared++;
    const difference = shared - this.#shared;
    const coded =
      Math.abs(difference) < 127
        ? Buffer.from([difference & 0xff])
        : Buffer.from([0x80, (difference >> 8) & 0xff, difference & 0xff]);
    this.#pieces.push(Buffer.from(`${meta}\0`), coded, path.subarray(shared), Buffer.from("\n"));
    this.#last = path;
    this.#shared = shared;
  }
}

export const compressed = (content: Buffer, ...flags: string[]) =>
  execFileSync("zstd", ["-q", "-c", ...flags], { input: content, maxBuffer: 1 << 30 });

/** A whole database, from a stream of compressed entries. */
export function withHeader(stream: Buffer, version = 1): Buffer {
  const header = Buffer.alloc(12);
  header.write("NIXI");
  header.writeUInt8(version, 4);
  return Buffer.concat([header, stream]);
}
