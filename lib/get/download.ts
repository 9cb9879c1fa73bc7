// What a web server says of an address, by the certificate authorities that Nix trusts.
//
// Node's fetch knows its own list of authorities only, and no encoding that a cache may have stored a listing in:
// cache.nixos.org keeps them compressed and sends them so, whatever is asked for.

import { get as getPlainly, type IncomingMessage } from "node:http";
import { get, type RequestOptions } from "node:https";
import * as zlib from "node:zlib";

export interface DownloadOptions {
  /** Certificates of authorities, as PEM; none for Node's own list. */
  authorities?: readonly string[] | undefined;
  /** Bytes; what is larger is not taken. */
  most: number;
  signal: AbortSignal;
}

/** As libcurl by default would not, and Nix does (libstore, filetransfer.cc: CURLOPT_MAXREDIRS). */
const mostRedirects = 10;

/** @throws Error where it is not to be had */
export async function download(address: string, options: DownloadOptions): Promise<Buffer> {
  let place = address;
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const answer = await request(place, options);
    const { statusCode = 0, headers } = answer;
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      answer.resume();
      const next = new URL(headers.location, place);
      if (!/^https?:$/.test(next.protocol)) throw new Error(`${place} redirects to ${next}`);
      if (place.startsWith("https:") && next.protocol === "http:")
        throw new Error(`${place} redirects to what is not encrypted`);
      place = next.href;
      continue;
    }
    if (statusCode !== 200) {
      answer.resume();
      throw new Error(`${place} answers ${statusCode}`);
    }
    return decoded(await bodyOf(answer, options.most), headers["content-encoding"], options.most);
  }
  throw new Error(`${address} redirects too often`);
}

function request(
  address: string,
  { authorities = [], signal }: DownloadOptions,
): Promise<IncomingMessage> {
  const options: RequestOptions = { signal, headers: { "accept-encoding": "br, gzip" } };
  if (authorities.length > 0) options.ca = [...authorities];
  return new Promise((resolve, reject) => {
    const by = address.startsWith("https:") ? get : getPlainly;
    by(address, options, resolve).on("error", reject);
  });
}

async function bodyOf(answer: IncomingMessage, most: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > most) {
      answer.destroy();
      throw new Error(`more than ${most} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Node has zstd since 22.15. */
function decoded(bytes: Buffer, encoding: string | undefined, most: number): Buffer {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: typeof zlib.gunzipSync };
  const limit = { maxOutputLength: most };
  switch (encoding) {
    case undefined:
    case "identity":
      return bytes;
    case "br":
      return zlib.brotliDecompressSync(bytes, limit);
    case "gzip":
      return zlib.gunzipSync(bytes, limit);
    case "zstd":
      if (zstdDecompressSync !== undefined) return zstdDecompressSync(bytes, limit);
  }
  throw new Error(`${encoding} is an encoding that this Node does not know`);
}
