import { expect, test } from "bun:test";
import { service, stateOf } from "../../tests/support/mesh.ts";
import { defaultTranslateOptions } from "./options.ts";
import { translate } from "./translate.ts";

const at = (name: string, labels: string): string =>
  `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: ${name}, labels: {${labels}}}, spec: {ports: [8080]}}`;
const documents = [
  service("shop", ["http:80:8080"]),
  service("shop-again", ["http:80:8080"]).replace("app: shop-again", "app: shop"),
  at("a1", "app: shop, istio-locality: eu.a"),
  at("b1", "app: shop, istio-locality: eu.b"),
  at("b2", "app: shop, istio-locality: eu.b"),
  at("nowhere", "app: shop"),
  at("canary", "app: shop, istio-locality: eu.b, pod-template-hash: '2'"),
  at("caller", "app: caller, istio-locality: eu.a"),
];

/** `zone members` of the own service, as a proxy is told; undefined: it is told nothing. */
function told(instance: string): readonly string[] | undefined {
  const { endpoints } = translate(stateOf(...documents), { t: "sidecar", instance }, defaultTranslateOptions);
  return endpoints
    .find(({ clusterName }) => clusterName === "local_cluster")
    ?.endpoints?.map(({ lbEndpoints = [], locality }) => `${locality?.zone ?? ""} ${lbEndpoints.length}`);
}

test("the own service is whoever stands behind it, each once, canaries for themselves", () => {
  expect(told("b1-0")).toEqual(["a 1", "b 2", " 1"]);
  expect(told("canary-0")).toEqual(["b 1"]);
});

test("who answers for nobody is alone, and who is nowhere is told nothing", () => {
  expect(told("caller-0")).toEqual([]);
  expect(told("nowhere-0")).toBeUndefined();
});

test("in a shared proxy each workload has its own, where zones are looked at", () => {
  const byZones =
    "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: shop}, spec: {host: shop, trafficPolicy: {loadBalancer: {zoneAwareLbSetting: {}}}}}";
  const shared = (...more: readonly string[]) => {
    const state = stateOf(...documents, ...more);
    const { clusters } = translate(state, { t: "shared", instances: ["a1-0", "b1-0"] }, defaultTranslateOptions);
    return clusters.flatMap(({ name = "", metadata }) => {
      const said = metadata?.filterMetadata?.["tulle.local"]?.["cluster"];
      return name.startsWith("local_cluster") || said !== undefined ? [[name, said]] : [];
    });
  };
  expect(shared()).toEqual([]);
  const found = shared(byZones);
  const own = found.filter(([, said]) => said === undefined).map(([name]) => String(name));
  expect(own.length).toBe(2);
  expect([...new Set(found.flatMap(([, said]) => (said === undefined ? [] : [String(said)])))].sort()).toEqual(
    own.sort(),
  );
});

test("one at a unix socket is told as such: an Envoy takes no other name for an address", () => {
  const entry =
    "{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: e}, spec: {address: 'unix:///run/a.sock', labels: {app: shop}}}";
  const { endpoints } = translate(
    stateOf(...documents, entry),
    { t: "sidecar", instance: "a1-0" },
    defaultTranslateOptions,
  );
  const members = endpoints
    .filter(({ clusterName }) => clusterName === "local_cluster")
    .flatMap((it) => it.endpoints ?? [])
    .flatMap(({ lbEndpoints = [] }) => lbEndpoints.map(({ endpoint }) => endpoint?.address));
  expect(members).toContainEqual({ pipe: { path: "/run/a.sock" } });
  expect(JSON.stringify(members)).not.toContain("unix:");
});
