/** Who is given a Secret that a DestinationRule or a policy names, under which name, and what clusters say without it. */
import { describe, expect, test } from "bun:test";
import { service, stateOf, workload } from "../../tests/support/mesh.ts";
import { serverKeyPair } from "../../tests/support/server-certificates.ts";
import { UpstreamTlsContext } from "../xds/proto/tls.ts";
import { unpack } from "../xds/types/any.ts";
import { defaultTranslateOptions } from "./options.ts";
import { type ProxyResources, type ProxyTarget, translate } from "./translate.ts";

const pair = serverKeyPair(["a"]);
const secret = (namespace: string, name = "c", keys: readonly string[] = ["tls.crt", "tls.key", "ca.crt"]): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    stringData: Object.fromEntries(
      keys.map((key) => [key, key === "tls.key" ? pair.privateKeyPem : pair.certChainPem]),
    ),
  });
const rule = (selector: string, mode = "MUTUAL", namespace = "default"): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: r, namespace: ${namespace}},
    spec: {host: reviews.default.svc.cluster.local${selector}, trafficPolicy: {tls: {mode: ${mode}, credentialName: c}}}}`;
const SELECTED = ", workloadSelector: {matchLabels: {app: client}}";
const base = [
  service("reviews", ["http:80:8080", "tls:443:8443"]),
  workload("reviews", "v1", [8080, 8443]),
  workload("client", "v1", []),
  workload("other", "v1", []),
];
const edge =
  "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {app: edge}}, spec: {role: gateway}}";

const resources = (target: ProxyTarget, ...documents: readonly string[]): ProxyResources =>
  translate(stateOf(...base, ...documents), target, defaultTranslateOptions);
const sidecar = (app: string, ...documents: readonly string[]) =>
  resources({ t: "sidecar", instance: `${app}-v1-0` }, ...documents);

const secretsOf = ({ secrets }: ProxyResources) => secrets.map(({ name }) => name);
function clusterOf({ clusters, endpoints: assignments }: ProxyResources, port = 80) {
  const found = clusters.find(({ name }) => name?.startsWith(`outbound|${port}||reviews`));
  const config = found?.transportSocket?.typedConfig;
  const common = config && unpack(config, UpstreamTlsContext).commonTlsContext;
  const { combinedValidationContext: combined, tlsCertificateSdsSecretConfigs: shown = [] } = common ?? {};
  const assignment = assignments.find(({ clusterName }) => clusterName === found?.name);
  return {
    endpoints: assignment?.endpoints?.flatMap((it) => it.lbEndpoints ?? []).length,
    shown: shown.map(({ name }) => name),
    roots: combined?.validationContextSdsSecretConfig?.name ?? common?.validationContext?.trustedCa?.inlineString,
  };
}
const CLOSED = { endpoints: 0 };

describe("credentialName", () => {
  test("is for the workloads that its rule selects", () => {
    const documents = [rule(SELECTED), secret("default")];
    const client = sidecar("client", ...documents);
    expect(secretsOf(client)).toEqual(["kubernetes://c", "kubernetes://c-cacert"]);
    expect(clusterOf(client)).toMatchObject({
      endpoints: 1,
      shown: ["kubernetes://c"],
      roots: "kubernetes://c-cacert",
    });
    expect(secretsOf(sidecar("other", ...documents))).toEqual([]);
  });

  test("without a selector is for gateways alone: the way of others is closed", () => {
    const documents = [rule(""), secret("default"), edge];
    expect(secretsOf(sidecar("client", ...documents))).toEqual([]);
    expect(clusterOf(sidecar("client", ...documents))).toMatchObject(CLOSED);
    const gateway = resources({ t: "sidecar", instance: "edge-0" }, ...documents);
    expect(secretsOf(gateway)).toEqual(["kubernetes://c", "kubernetes://c-cacert"]);
  });

  test("in a proxy that several share is told by its namespace", () => {
    const shared = resources(
      { t: "shared", instances: ["client-v1-0", "other-v1-0"] },
      rule(SELECTED),
      secret("default"),
    );
    expect(secretsOf(shared)).toEqual(["kubernetes-gateway://default/c", "kubernetes-gateway://default/c-cacert"]);
  });

  test("of SIMPLE holds roots, and nothing is shown", () => {
    const documents = [rule(SELECTED, "SIMPLE"), secret("default", "c-cacert", ["ca.crt"])];
    const client = sidecar("client", ...documents);
    expect(secretsOf(client)).toEqual(["kubernetes://c-cacert"]);
    expect(clusterOf(client)).toMatchObject({ shown: [], roots: "kubernetes://c-cacert" });
  });

  test.each([
    ["not there", []],
    ["another namespace's", [secret("else")]],
    ["without roots", [secret("default", "c", ["tls.crt", "tls.key"])]],
    ["without a certificate", [secret("default", "c", ["ca.crt"])]],
  ])("that is %s closes the way", (_, documents) => {
    const client = sidecar("client", rule(SELECTED), ...documents);
    expect(secretsOf(client)).toEqual([]);
    expect(clusterOf(client)).toMatchObject(CLOSED);
  });
});

describe("a BackendTLSPolicy", () => {
  const GROUP = "gateway.networking.k8s.io";
  const policy = (ref: string): string =>
    `{apiVersion: ${GROUP}/v1, kind: BackendTLSPolicy, metadata: {name: p}, spec: {targetRefs: [{group: "", kind: Service, name: reviews}],
      validation: {hostname: reviews.example.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: ${ref}}]}}}`;
  const roots = JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "roots" },
    data: { "ca.crt": pair.certChainPem },
  });

  test("is for calls of workloads too, but to ports where they speak TLS themselves", () => {
    const client = sidecar("client", policy("roots"), roots);
    expect(clusterOf(client).roots).toBe(pair.certChainPem);
    expect(clusterOf(client, 443).roots).toBe("ROOTCA");
  });

  test("whose roots are not there closes the way", () => {
    expect(clusterOf(sidecar("client", policy("none")))).toMatchObject(CLOSED);
  });
});
