import { expect, test } from "bun:test";
import { stateOf } from "../../../tests/support/mesh.ts";
import { conditionedDocuments } from "./gateway-api-view.ts";
import { servedGateways } from "./gateway-view.ts";

const EDGE =
  "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {istio: edge}}, spec: {serviceAccount: edge, role: gateway}}";
const BEFORE =
  "{apiVersion: v1, kind: Service, metadata: {name: edge}, spec: {selector: {istio: edge}, ports: [{name: http, port: 80}]}}";
const gateway = (name: string, listeners: string): string =>
  `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: ${name}}, spec: {gatewayClassName: tulle, addresses: [{type: Hostname, value: edge}], listeners: [${listeners}]}}`;

/** Of each listener, whether it takes calls. */
function programmed(...documents: readonly string[]): readonly string[] {
  const { instances, mesh } = stateOf(EDGE, BEFORE, ...documents);
  return conditionedDocuments(
    mesh,
    instances.flatMap((it) => servedGateways(mesh, it)),
  ).flatMap(({ listeners = [], name }) =>
    listeners.map((it) => {
      const condition = it.conditions.find(({ type }) => type === "Programmed");
      return `${name}/${it.name} ${condition?.status} ${condition?.status === "False" ? condition.message : ""}`;
    }),
  );
}

test.each(["TCP", "UDP"])(
  "a port of %s that another Gateway has at the same gateway takes no calls, and says so",
  (protocol) => {
    const shared = `{name: l, port: 5353, protocol: ${protocol}}`;
    expect(
      programmed(gateway("one", shared), gateway("two", `${shared}, {name: m, port: 6000, protocol: TCP}`)),
    ).toEqual([
      "one/l True ",
      "two/l False another Gateway has the port 5353 at the gateways that serve this one",
      "two/m True ",
    ]);
  },
);

test("a port of HTTP is shared", () => {
  const shared = "{name: l, port: 8080, protocol: HTTP}";
  expect(programmed(gateway("one", shared), gateway("two", shared))).toEqual(["one/l True ", "two/l True "]);
});
