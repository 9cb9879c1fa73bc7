// What a web server returns for an address, trusting the certificate authorities that Nix trusts.
//
// Node's fetch knows only its own list of authorities, and no encoding in which a cache may have stored a listing:
// cache.nixos.org keeps them compressed and sends them that way, whatever was requested.

import { get as getPlainly, type IncomingMessage } from "node:http";
import { get, type RequestOptions } from "node:https";
import * as zlib from "node:zlib";

export interface DownloadOptions {
  /** Certificates of authorities, as PEM; empty for Node's own list. */
  authorities?: readonly string[] | undefined;
  /** Bytes; a larger answer is not accepted. */
  most: number;
  signal: AbortSignal;
}

/** Nix's limit, which is not libcurl's default (libstore, filetransfer.cc: CURLOPT_MAXREDIRS). */
const mostRedirects = 10;

/** @throws Error if it is not available */
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
