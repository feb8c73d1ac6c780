/**
 * HAProxy, one thread: HTTP/1.1, HTTP/2 and TCP. No routes, no authorization, no log.
 *
 * @module
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { start } from "../process.ts";
import type { Setup } from "../setup.ts";
import { type Hop, type Launcher, type Protocol, startHops } from "../topology.ts";

export const launchHaproxy: Launcher = (setup, topology) => {
  if (!existsSync("/usr/sbin/haproxy")) return undefined;
  return startHops("HAProxy", setup, topology, (hop) => {
    const file = join(setup.folder, `haproxy-${hop.listen}.cfg`);
    writeFileSync(file, config(setup, hop, topology.protocol));
    return start("HAProxy", ["haproxy", "-f", file, "-db"], setup.folder, `${file}.log`);
  });
};

function config(setup: Setup, hop: Hop, protocol: Protocol): string {
  const identity = `ssl crt ${setup.pair} ca-file ${setup.ca} verify required ssl-min-ver TLSv1.3`;
  const alpn = protocol === "http2" ? "alpn h2" : "";
  const plain = protocol === "http2" ? "proto h2" : "";
  return `global
  nbthread 1
  maxconn 9500
  ulimit-n 20000
defaults
  mode ${protocol === "tcp" ? "tcp" : "http"}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  ${protocol === "tcp" ? "" : "http-reuse always"}
frontend f
  bind 127.0.0.1:${hop.listen} backlog 4096 ${hop.tls === "listener" ? `${identity} ${alpn}` : plain}
  default_backend b
backend b
  server s 127.0.0.1:${hop.upstream} ${hop.tls === "cluster" ? `${identity} ${alpn} sni str(localhost)` : plain}
`;
}
