/**
 * What stands behind the proxies: nginx for HTTP/1.1 and TCP, nghttpd for HTTP/2 with trailers.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginxConf, startNginx } from "./peers/nginx.ts";
import { listening, start } from "./process.ts";
import type { Setup } from "./setup.ts";

/** A body of `/big`. */
export const BIG_BYTES = 1_000_000;

/** 1 kB from memory on every path, {@link BIG_BYTES} on `/big`; bodies of any size are read and dropped. */
export async function startHttp1Backend(setup: Setup): Promise<void> {
  const www = join(setup.folder, "www");
  mkdirSync(www, { recursive: true });
  writeFileSync(join(www, "big"), Buffer.alloc(BIG_BYTES, "0123456789abcdef"));
  const big = `location = /big { root ${www}; default_type application/octet-stream; }`;
  const small = `location / { return 200 "${"x".repeat(1000)}"; }`;
  const server = `server { listen 127.0.0.1:${setup.backends.http1} backlog=4096; client_max_body_size 0; ${big} ${small} }`;
  startNginx(setup, "backend", nginxConf(setup, `sendfile on; ${server}`, "backend"));
  await listening(setup.backends.http1, "nginx, the backend");
}

/** Answers every request with 1 kB and a trailer, as a gRPC server does: `grpc-status: 0`. */
export async function startHttp2Backend(setup: Setup): Promise<void> {
  const grpc = join(setup.folder, "grpc");
  mkdirSync(grpc, { recursive: true });
  writeFileSync(join(grpc, "index.html"), grpcMessage(1000));
  const options = ["--no-tls", "--trailer=grpc-status: 0", "--max-concurrent-streams=1000", "-d", grpc];
  start("nghttpd", ["nghttpd", ...options, String(setup.backends.http2)], setup.folder, join(grpc, "log"));
  await listening(setup.backends.http2, "nghttpd, the backend");
}

/** A message of gRPC that is not compressed: its length, then so many bytes. */
export function grpcMessage(bytes: number): Buffer {
  const message = Buffer.alloc(5 + bytes, "x");
  message[0] = 0;
  message.writeUInt32BE(bytes, 1);
  return message;
}
