/**
 * CPU a request, a megabyte, a connection, and what is promised of each.
 *
 * @module
 */
import type { CpuScenario } from "../cpu-scenario.ts";
import { downloads, handshakes, requests, steadyRequests, tenantRequests, unaryCalls, uploads } from "../loads.ts";
import type { RouteKind } from "../topology.ts";

const alike = "20 routes, authorization, access log";

const HTTP2_BETWEEN = { topology: { protocol: "http1", hops: "double", between: "http2" }, name: "h2" } as const;

/** 10 routes that do not match before the one that does, and 1000. */
const manyRoutes = (by: RouteKind): CpuScenario => ({
  title: `one hop with 10 or 1000 routes by ${by}: HTTP/1.1, 1 kB answers, 32 connections`,
  topology: { protocol: "http1", hops: "one", routes: { count: 10, by } },
  variant: { topology: { protocol: "http1", hops: "one", routes: { count: 1000, by } }, name: "1000" },
  unit: "request",
  load: tenantRequests,
  bars: [{ variantFactor: 1.2 }],
});

export const CPU_SCENARIOS: Readonly<Record<string, CpuScenario>> = {
  "one-hop": {
    title: `one hop: HTTP/1.1, 1 kB answers, 32 connections, ${alike}`,
    topology: { protocol: "http1", hops: "one" },
    unit: "request",
    load: requests,
    bars: [
      { peer: "Envoy", factor: 0.45 },
      { peer: "nginx", factor: 1.9 },
    ],
    syscalls: true,
  },
  "double-hop": {
    title: `mTLS double hop, both proxies: HTTP/1.1, 1 kB answers, 32 connections, ${alike}`,
    topology: { protocol: "http1", hops: "double" },
    unit: "request",
    load: requests,
    bars: [{ peer: "Envoy", factor: 0.45 }],
    syscalls: true,
  },
  "routes-by-path": manyRoutes("path"),
  "routes-by-prefix": manyRoutes("prefix"),
  "routes-by-regex": manyRoutes("regex"),
  "routes-by-header": manyRoutes("header"),
  multiplexed: {
    title: "the same, with HTTP/1.1 or with HTTP/2 between the proxies",
    topology: { protocol: "http1", hops: "double" },
    variant: HTTP2_BETWEEN,
    unit: "request",
    load: requests,
    bars: [],
    syscalls: true,
  },
  "multiplexed-steady": {
    title: "the same at 1000 requests a second over 16 connections",
    topology: { protocol: "http1", hops: "double" },
    variant: HTTP2_BETWEEN,
    unit: "request",
    load: steadyRequests,
    bars: [],
  },
  grpc: {
    title: `gRPC unary, one hop: HTTP/2 on both sides, 100 bytes to 1 kB, 8 connections with 16 calls each, ${alike}`,
    topology: { protocol: "http2", hops: "one" },
    unit: "call",
    load: unaryCalls,
    bars: [{ peer: "Envoy", factor: 0.5 }],
  },
  "grpc-double-hop": {
    title: "gRPC unary, mTLS double hop, both proxies: the same calls",
    topology: { protocol: "http2", hops: "double" },
    unit: "call",
    load: unaryCalls,
    bars: [{ peer: "Envoy", factor: 0.5 }],
  },
  tcp: {
    title: "TCP, one hop: messages of 1 kB, 32 connections",
    topology: { protocol: "tcp", hops: "one" },
    unit: "message",
    load: requests,
    bars: [
      { peer: "Envoy", factor: 0.8 },
      { peer: "HAProxy", factor: 1.15 },
    ],
  },
  "tcp-double-hop": {
    title: "TCP, mTLS double hop, both proxies: messages of 1 kB, 32 connections",
    topology: { protocol: "tcp", hops: "double" },
    unit: "message",
    load: requests,
    bars: [],
  },
  download: {
    title: `1 MB answers, one hop: HTTP/1.1, 8 connections, ${alike}`,
    topology: { protocol: "http1", hops: "one" },
    unit: "MB",
    load: downloads,
    bars: [{ peer: "Envoy", factor: 0.8 }],
  },
  upload: {
    title: `1 MB requests, one hop: HTTP/1.1, 8 connections, ${alike}`,
    topology: { protocol: "http1", hops: "one" },
    unit: "MB",
    load: uploads,
    bars: [{ peer: "Envoy", factor: 0.8 }],
  },
  "download-double-hop": {
    title: "1 MB answers, mTLS double hop, both proxies: HTTP/1.1, 8 connections",
    topology: { protocol: "http1", hops: "double" },
    variant: HTTP2_BETWEEN,
    unit: "MB",
    load: downloads,
    bars: [],
  },
  "tcp-download": {
    title: "1 MB answers over TCP, one hop: 8 connections",
    topology: { protocol: "tcp", hops: "one" },
    unit: "MB",
    load: downloads,
    bars: [{ peer: "Envoy", factor: 0.8 }],
  },
  "tcp-upload": {
    title: "1 MB requests over TCP, one hop: 8 connections",
    topology: { protocol: "tcp", hops: "one" },
    unit: "MB",
    load: uploads,
    bars: [{ peer: "Envoy", factor: 0.8 }],
  },
  handshake: {
    title: "a new connection with mutual TLS 1.3 (P-256) and one request on it",
    topology: { protocol: "http1", hops: "inbound" },
    unit: "connection",
    load: handshakes(false),
    bars: [{ maxUs: 850 }],
  },
  "handshake-resumed": {
    title: "the same with a resumed session",
    topology: { protocol: "http1", hops: "inbound" },
    unit: "connection",
    load: handshakes(true),
    bars: [],
  },
};
