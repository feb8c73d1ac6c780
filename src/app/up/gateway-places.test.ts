import { expect, test } from "bun:test";
import { meshOf } from "../../../tests/support/mesh.ts";
import { GatewayPlaces } from "./gateway-places.ts";

const EDGE = `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {istio: ingressgateway}}, spec: {role: gateway}}`;
const gateway = (...ports: readonly number[]): string =>
  `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {selector: {istio: ingressgateway}, servers: [${ports
    .map((port) => `{port: {number: ${port}, name: p${port}, protocol: HTTP}, hosts: ["*"]}`)
    .join(", ")}]}}`;

function placesWith(taken: readonly number[] = []) {
  let next = 40_000;
  const places = new GatewayPlaces({ freePort: () => next++, isFree: (port) => !taken.includes(port) });
  return (...ports: readonly number[]): readonly (readonly [number, number])[] => {
    const mesh = meshOf(EDGE, gateway(...ports));
    const [edge] = mesh.workloads;
    if (edge === undefined) throw new Error("no workload");
    return places.portsOf(mesh, edge).map(({ targetPort, inbound }) => [targetPort, inbound.port]);
  };
}

test("a port below 1024, or one that is taken, becomes a free one; others stay what they are", () => {
  expect(placesWith([9000])(80, 443, 8080, 9000)).toEqual([
    [80, 40_000],
    [443, 40_001],
    [8080, 8080],
    [9000, 40_002],
  ]);
});

test("a port of UDP must be free for datagrams", () => {
  const asked: (readonly [number, boolean])[] = [];
  const isFree = (port: number, alsoUdp: boolean): boolean => asked.push([port, alsoUdp]) > 0;
  const places = new GatewayPlaces({ freePort: () => 1, isFree });
  const mesh = meshOf(
    "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g}, spec: {gatewayClassName: tulle, listeners: [{name: u, port: 5353, protocol: UDP}, {name: t, port: 5354, protocol: TCP}]}}",
  );
  const [edge] = mesh.workloads;
  expect(edge && places.portsOf(mesh, edge).length).toBe(2);
  expect(asked).toEqual([
    [5353, true],
    [5354, false],
  ]);
});

test("a port keeps its place while others come and go", () => {
  const portsOf = placesWith();
  expect(portsOf(80)).toEqual([[80, 40_000]]);
  expect(portsOf(81, 8080)).toEqual([
    [81, 40_001],
    [8080, 8080],
  ]);
  expect(portsOf(80, 81)).toEqual([
    [80, 40_000],
    [81, 40_001],
  ]);
});
