/**
 * What is compared: the way that requests take, and the proxies that stand in it.
 *
 * @module
 */
import type { Program } from "./process.ts";
import type { Setup } from "./setup.ts";

/** What a proxy speaks on both of its sides. */
export type Protocol = "http1" | "http2" | "tcp";

/**
 * `one`: client, proxy, backend, all in plaintext. `double`: client, proxy, mutual TLS, proxy, backend. `inbound`: the
 * second half of that, so that the client starts mutual TLS.
 */
export type Hops = "one" | "double" | "inbound";

export interface Topology {
  readonly protocol: Protocol;
  readonly hops: Hops;
  /** What two proxies speak with each other. Default: as with everybody. */
  readonly between?: "http2";
  /** Routes that do not match, before the one that does, and what tells them apart. Default: 20 by path. */
  readonly routes?: { readonly count: number; readonly by: RouteKind };
}

/** `header`: all on one path. */
export type RouteKind = "path" | "prefix" | "regex" | "header";

/** A started proxy, or a pair of them. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly programs: readonly Program[];
}

/** Starts a proxy in a topology; undefined when it is not on the machine or cannot serve it. */
export type Launcher = (setup: Setup, topology: Topology) => Subject | undefined;

let nextPort = 19_100;

export const freshPort = (): number => nextPort++;

/** One hop of a topology. */
export interface Hop {
  readonly listen: number;
  readonly upstream: number;
  readonly tls: "listener" | "cluster" | undefined;
  /** What the hop speaks to the next one, where that is not the topology's protocol. */
  readonly upstreamProtocol?: "http2" | undefined;
}

/** Starts the hops of a topology, the last one first, and returns the subject. */
export function startHops(name: string, setup: Setup, topology: Topology, start: (hop: Hop) => Program): Subject {
  const backend = topology.protocol === "http2" ? setup.backends.http2 : setup.backends.http1;
  const port = freshPort();
  if (topology.hops === "one")
    return { name, port, programs: [start({ listen: port, upstream: backend, tls: undefined })] };
  if (topology.hops === "inbound")
    return { name, port, programs: [start({ listen: port, upstream: backend, tls: "listener" })] };
  const middle = freshPort();
  const inbound = start({ listen: middle, upstream: backend, tls: "listener" });
  const outbound = start({ listen: port, upstream: middle, tls: "cluster", upstreamProtocol: topology.between });
  return { name, port, programs: [inbound, outbound] };
}
