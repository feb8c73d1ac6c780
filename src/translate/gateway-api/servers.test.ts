import { describe, expect, test } from "bun:test";
import { serverKeyPair } from "../../../tests/support/server-certificates.ts";
import { meshOf } from "../../../tests/support/mesh.ts";
import { attachedServers } from "./servers.ts";

const pair = serverKeyPair(["a.example.com"]);
const secret = (name: string, roots: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    type: "kubernetes.io/tls",
    stringData: { "tls.crt": pair.certChainPem, "tls.key": pair.privateKeyPem, "ca.crt": roots },
  });

const listener = (name: string, mode: string, ref = "[{name: one}]"): string =>
  `{name: ${name}, port: 443, protocol: HTTPS, hostname: ${name}.com, tls: {certificateRefs: ${ref}, options: {gateway.istio.io/tls-terminate-mode: ${mode}}}}`;

function servers(...listeners: readonly string[]) {
  const others = serverKeyPair(["other"]);
  const mesh = meshOf(
    secret("one", pair.certChainPem),
    secret("two", others.certChainPem),
    `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge}, spec: {gatewayClassName: tulle, listeners: [${listeners.join(", ")}]}}`,
  );
  const [edge] = mesh.workloads;
  return edge === undefined ? [] : attachedServers(mesh, edge).map(({ server }) => server.tls);
}

describe("Istio's option of how TLS ends", () => {
  test.each([
    ["SIMPLE", { mode: "SIMPLE", certificate: { t: "found", clientRoots: undefined } }],
    ["MUTUAL", { mode: "MUTUAL", certificate: { clientRoots: { roots: [{ trustedCaPem: pair.certChainPem }] } } }],
    [
      "OPTIONAL_MUTUAL",
      { mode: "OPTIONAL_MUTUAL", certificate: { clientRoots: { roots: [{ trustedCaPem: pair.certChainPem }] } } },
    ],
    ["ISTIO_MUTUAL", { mode: "ISTIO_MUTUAL", certificate: undefined }],
    ["ISTIO_SIMPLE", { mode: "SIMPLE", certificate: { t: "own", clientRoots: undefined } }],
  ])("%s", (mode, tls) => {
    expect(servers(listener("a", mode))).toMatchObject([tls]);
  });

  test("one that nobody knows is not served", () => {
    expect(servers(listener("a", "ISTIO_NONE"))).toEqual([]);
  });

  test("all certificates of a listener are shown", () => {
    const [tls] = servers(listener("a", "SIMPLE", "[{name: one}, {name: two}]"));
    expect(tls?.certificate?.t === "found" && tls.certificate.credentials.map(({ name }) => name)).toEqual([
      "one",
      "two",
    ]);
  });

  test("listeners of one port have roots of their own", () => {
    const [a, b] = servers(listener("a", "MUTUAL"), listener("b", "MUTUAL", "[{name: two}]"));
    const rootsOf = (tls: typeof a) => (tls?.certificate?.t === "found" ? tls.certificate.clientRoots : undefined);
    expect(rootsOf(a)?.name).toBe("kubernetes-gateway://default/edge:443/a-cacert");
    expect(rootsOf(b)?.name).toBe("kubernetes-gateway://default/edge:443/b-cacert");
    expect(rootsOf(a)?.roots).not.toEqual(rootsOf(b)?.roots ?? []);
  });
});
