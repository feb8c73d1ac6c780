/**
 * nginx as a proxy: HTTP/1.1, and HTTP/2 where gRPC is asked for. Kept connections on both sides; no routes, no authorization, no log.
 *
 * @module
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Program, start } from "../process.ts";
import type { Setup } from "../setup.ts";
import { type Hop, type Launcher, startHops } from "../topology.ts";

export const launchNginx: Launcher = (setup, topology) => {
  if (!existsSync("/usr/sbin/nginx") || topology.protocol === "tcp") return undefined;
  const isGrpc = topology.protocol === "http2";
  return startHops("nginx", setup, topology, (hop) =>
    startNginx(setup, `hop-${hop.listen}`, nginxConf(setup, server(setup, hop, isGrpc), `hop-${hop.listen}`)),
  );
};

function server(setup: Setup, hop: Hop, isGrpc: boolean): string {
  const listen = `${hop.listen}${hop.tls === "listener" ? " ssl" : ""}${isGrpc ? " http2" : ""} backlog=4096`;
  const scheme = isGrpc ? "grpc" : "http";
  const pass = `${scheme}${hop.tls === "cluster" ? "s" : ""}://up`;
  const module = isGrpc ? "grpc" : "proxy";
  const http1 = isGrpc ? "" : 'proxy_http_version 1.1; proxy_set_header Connection "";';
  return `client_max_body_size 0; http2_max_requests 100000000; http2_max_concurrent_streams 1000;
  upstream up { server 127.0.0.1:${hop.upstream}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${listen}; ${hop.tls === "listener" ? serverTls(setup) : ""}
    location / { ${hop.tls === "cluster" ? clientTls(setup, module) : ""} ${http1} ${module}_pass ${pass}; } }`;
}

const serverTls = (s: Setup): string =>
  `ssl_certificate ${s.cert}; ssl_certificate_key ${s.key}; ssl_client_certificate ${s.ca}; ssl_verify_client on; ssl_protocols TLSv1.3;`;

const clientTls = (s: Setup, module: string): string =>
  [
    `ssl_certificate ${s.cert}`,
    `ssl_certificate_key ${s.key}`,
    `ssl_trusted_certificate ${s.ca}`,
    "ssl_verify on",
    "ssl_name localhost",
    "ssl_protocols TLSv1.3",
  ]
    .map((setting) => `${module}_${setting};`)
    .join(" ");

export function nginxConf(setup: Setup, servers: string, name: string): string {
  return `worker_processes 1; daemon off; pid ${setup.folder}/nginx-${name}.pid; error_log ${setup.folder}/nginx-${name}.err;
worker_rlimit_nofile 20000; events { worker_connections 19000; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 3600; ${servers} }\n`;
}

export function startNginx(setup: Setup, name: string, conf: string): Program {
  const file = join(setup.folder, `nginx-${name}.conf`);
  writeFileSync(file, conf);
  return start("nginx", ["nginx", "-p", setup.folder, "-c", file], setup.folder, `${file}.log`);
}
