/**
 * TCP proxies of several chains in front of one backend, on any network.
 *
 * @module
 */
import { expect } from "bun:test";
import type { ManualClock } from "../../src/base/manual-clock.ts";
import { Cluster } from "../../src/xds/proto/cluster.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { type FilterChain, Listener } from "../../src/xds/proto/listener.ts";
import { HttpInspector, ProxyProtocol, TlsInspector } from "../../src/xds/proto/listener-filters.ts";
import { pack } from "../../src/xds/types/any.ts";
import { cluster, listener } from "./proxy-resources.ts";
import { type Backend, type Peer, ProxyRig, type RigNetwork } from "./proxy-rig.ts";

export type MakeNetwork = (clock: ManualClock) => RigNetwork;

/** More than the kernel takes for the two connections of a tunnel, as Linux is set up. */
export const LARGE = 24_000_000;
export const KERNEL_TAKES = 14_000_000;

export const tcp = (name: string, over: Partial<FilterChain> = {}): FilterChain => ({
  filters: [{ name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: name, cluster: name }) }],
  ...over,
});

export const tlsInspector = { name: "tls", typedConfig: pack(TlsInspector, {}) };
export const httpInspector = { name: "http", typedConfig: pack(HttpInspector, {}) };
export const proxyProtocol = { name: "proxy", typedConfig: pack(ProxyProtocol, {}) };

export interface TcpScene {
  readonly rig: ProxyRig;
  readonly backend: Backend;
}

export async function tcpScene(
  network: MakeNetwork,
  chains: readonly FilterChain[],
  over: Partial<Listener> = {},
): Promise<TcpScene> {
  const rig = new ProxyRig({ network });
  const backend = await rig.backend();
  await rig.apply(Cluster, cluster("app", [backend.port]), cluster("other", [backend.port]));
  await rig.apply(Listener, listener(chains, over));
  await rig.until(() => rig.proxy.listeners.allStarted);
  return { rig, backend };
}

/** The backend's connection, once the proxy has opened it. */
export async function opened({ rig, backend }: TcpScene): Promise<Peer> {
  await rig.until(() => backend.connections.length > 0);
  return backend.last;
}

/** Each direction carries much past a reader that does not read at first, and ends by itself. @param maxHeld What may be under way. */
export async function bothWays(rig: ProxyRig, a: Peer, b: Peer, maxHeld: number): Promise<void> {
  for (const [writer, reader] of [
    [a, b],
    [b, a],
  ] as const) {
    const before = reader.bytes;
    reader.socket.pause();
    writer.send("x".repeat(LARGE));
    for (let turn = 0; turn < 50; turn++) await rig.turn();
    expect(writer.unsentBytes).toBeGreaterThan(LARGE - maxHeld);
    reader.socket.resume();
    await rig.until(() => writer.unsentBytes === 0);
    writer.socket.end();
    await rig.until(() => reader.ended);
    expect(reader.bytes - before).toBe(LARGE);
  }
  await rig.until(() => a.closed && b.closed);
  expect([a.error, b.error]).toEqual([undefined, undefined]);
}
