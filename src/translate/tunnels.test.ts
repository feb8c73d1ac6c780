import { expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { compileHttp } from "../engine/http.ts";
import { HttpConnectionManager } from "../xds/proto/http-connection-manager.ts";
import { unpack } from "../xds/types/any.ts";
import { defaultTranslateOptions } from "./options.ts";
import { translate } from "./translate.ts";

const base = [
  service("db", ["tcp:5432", "auto:7000", "http:80"]),
  '{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: w}, spec: {hosts: ["*.w.com", pay.com, old.com], ports: [{number: 443, name: tls, protocol: TLS}]}}',
  workload("client", "v1", []),
];
const RULES =
  "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: r}, spec: {hosts: [pay.com, old.com], tls: [{match: [{sniHosts: [pay.com]}], route: [{destination: {host: a}, weight: 3}, {destination: {host: b}, weight: 1}]}]}}";

/** Where CONNECT for a host goes: `cluster*weight`, or a status. */
function connectTo(host: string, ...documents: readonly string[]): string {
  const { clusters, listeners, routes } = translate(
    stateOf(...base, ...documents),
    { t: "sidecar", instance: "client-v1-0" },
    defaultTranslateOptions,
  );
  const config = listeners.find((l) => l.trafficDirection === "OUTBOUND")?.filterChains?.[0]?.filters?.[0]?.typedConfig;
  if (config === undefined) throw new Error("no forward proxy");
  compileHttp(unpack(config, HttpConnectionManager), () => routes[0]);
  const at = routes[0]?.virtualHosts?.find(({ domains = [] }) => domains.includes(host));
  const route = at?.routes?.find(({ match }) => match?.connectMatcher !== undefined);
  if (route?.directResponse !== undefined) return String(route.directResponse.status);
  const { cluster, weightedClusters } = route?.route ?? {};
  if (cluster !== undefined) expect(clusters.some(({ name }) => name === cluster)).toBe(true);
  return cluster ?? weightedClusters?.clusters?.map(({ name, weight }) => `${name}*${weight}`).join(" ") ?? "none";
}

test.each([
  ["db:5432", "outbound|5432||db.default.svc.cluster.local"],
  ["db:7000", "outbound|7000||db.default.svc.cluster.local@tcp"],
  ["db:80", "none"],
  ["*.w.com:443", "outbound|443||*.w.com"],
  ["pay.com:443", "outbound|443||pay.com"],
])("CONNECT %s leads to %s", (host, cluster) => expect(connectTo(host)).toBe(cluster));

test("tls rules hold, by the host's own name", () => {
  expect(connectTo("pay.com:443", RULES)).toBe(
    "outbound|443||a.default.svc.cluster.local*3 outbound|443||b.default.svc.cluster.local*1",
  );
  expect(connectTo("old.com:443", RULES)).toBe("502");
});

test("a host that is reached through another proxy is not asked for by CONNECT", () => {
  const rule =
    "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: pay.com, trafficPolicy: {tunnel: {targetHost: x.com, targetPort: 443}}}}";
  expect(connectTo("pay.com:443", rule)).toBe("502");
});
