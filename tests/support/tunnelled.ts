/**
 * A TCP proxy between scripted clients and one backend.
 *
 * @module
 */
import { Cluster } from "../../src/xds/proto/cluster.ts";
import { StdoutAccessLog } from "../../src/xds/proto/access-loggers.ts";
import { TcpProxy } from "../../src/xds/proto/filter-tcp-proxy.ts";
import { Listener, type NetworkFilter } from "../../src/xds/proto/listener.ts";
import { pack } from "../../src/xds/types/any.ts";
import { chain, cluster, listener } from "./proxy-resources.ts";
import { type Backend, ProxyRig, type RigOptions } from "./proxy-rig.ts";

export interface Tunnelled {
  readonly rig: ProxyRig;
  readonly backend: Backend;
}

/** @param before Filters before the TCP proxy. */
export async function tunnelled(
  over: Partial<Cluster> = {},
  proxy: TcpProxy = {},
  before: readonly NetworkFilter[] = [],
  options: RigOptions = {},
): Promise<Tunnelled> {
  const rig = new ProxyRig(options);
  const backend = await rig.backend();
  const name = "outbound|5432||db.default.svc.cluster.local";
  await rig.apply(Cluster, cluster(name, [backend.port], over));
  const filter = { name: "tcp", typedConfig: pack(TcpProxy, { statPrefix: "db", cluster: name, ...proxy }) };
  await rig.apply(Listener, listener([chain(...before, filter)], { trafficDirection: "OUTBOUND" }));
  return { rig, backend };
}

/** An access log of a TCP proxy. */
export const accessLog = (format: string): TcpProxy["accessLog"] => [
  {
    name: "stdout",
    typedConfig: pack(StdoutAccessLog, { logFormat: { textFormatSource: { inlineString: `${format}\n` } } }),
  },
];
