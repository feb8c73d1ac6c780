/**
 * The documents of a large mesh, each in a file of its own, and what changes in them.
 *
 * Of `services` services 49 are workloads with a proxy each, the others have endpoints that documents list. 500 VirtualServices, 100
 * DestinationRules, 50 AuthorizationPolicies and 20 HTTPRoutes are for them; a Gateway of either dialect has 50 routes.
 *
 * @module
 */
import { service, workload } from "../../tests/support/mesh.ts";

export const SIDECARS = 49;
const VIRTUAL_SERVICES = 500;
const DESTINATION_RULES = 100;
const GATEWAY_ROUTES = 50;
const SERVICE_ROUTES = 20;
const NAMESPACES = 10;

type Files = Record<string, string>;

const namespaceOf = (i: number): string => `ns${i % NAMESPACES}`;
const hostOf = (i: number): string => `s${i}.${namespaceOf(i)}.svc.cluster.local`;
const meta = (name: string, namespace: string): string => `metadata: {name: ${name}, namespace: ${namespace}}`;
const many = (count: number, make: (i: number) => Files): Files =>
  Object.assign({}, ...Array.from({ length: count }, (_, i) => make(i)));

export function bigMesh(services: number): Files {
  return {
    ...many(services, serviceFile),
    ...many(SIDECARS, (i) => ({ [`workload-${i}.yaml`]: workload(`s${i}`, "v1", [8080], namespaceOf(i)) })),
    ...many(services - SIDECARS, (i) => endpointFile(SIDECARS + i, 1)),
    ...many(VIRTUAL_SERVICES, (i) => virtualServiceFile(i, "/a")),
    ...many(DESTINATION_RULES, destinationRuleFile),
    ...many(SIDECARS + 1, (i) => policyFile(i, "GET")),
    ...gatewayFiles(),
    ...many(GATEWAY_ROUTES, edgeVirtualServiceFile),
    ...many(GATEWAY_ROUTES, (i) => edgeRouteFile(i, "/a")),
    ...many(SERVICE_ROUTES, (i) => serviceRouteFile(i, "/a")),
  };
}

const serviceFile = (i: number): Files => ({
  [`service-${i}.yaml`]: i < SIDECARS ? service(`s${i}`, PORTS, namespaceOf(i)) : headless(i),
});

const PORTS: readonly string[] = ["http:80:8080"];

const headless = (i: number): string =>
  `{apiVersion: v1, kind: Service, ${meta(`s${i}`, namespaceOf(i))}, spec: {ports: [{name: ${i % 10 === 0 ? "tcp" : "http"}, port: 80, targetPort: 8080}]}}`;

/** @param version Part of the addresses. */
export const endpointFile = (i: number, version: number): Files => ({
  [`endpoints-${i}.yaml`]: `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s${i}, namespace: ${namespaceOf(i)}, labels: {kubernetes.io/service-name: s${i}}}, addressType: IPv4,
 endpoints: [{addresses: [10.${version % 250}.${i >> 8}.${i & 255}]}, {addresses: [10.251.${i >> 8}.${i & 255}]}], ports: [{name: ${i % 10 === 0 ? "tcp" : "http"}, port: 8080}]}`,
});

export const addedService = (i: number): Files => ({
  [`service-added-${i}.yaml`]: service(`added${i}`, PORTS, "ns1"),
});

const route = (to: number): string => `route: [{destination: {host: ${hostOf(to)}}}]`;

/** The rules of one service, with a prefix of its own. */
export const virtualServiceFile = (i: number, prefix: string): Files => ({
  [`vs-${i}.yaml`]: `{apiVersion: networking.istio.io/v1, kind: VirtualService, ${meta(`s${i + 10}`, namespaceOf(i + 10))}, spec: {hosts: [${hostOf(i + 10)}],
 http: [{match: [{uri: {prefix: ${prefix}}}], timeout: 3s, ${route(i + 10)}}, {match: [{headers: {x-user: {exact: bob}}}], ${route(i + 11)}}, {${route(i + 10)}}]}}`,
});

const destinationRuleFile = (i: number): Files => ({
  [`dr-${i}.yaml`]: `{apiVersion: networking.istio.io/v1, kind: DestinationRule, ${meta(`s${i * 5}`, namespaceOf(i * 5))}, spec: {host: ${hostOf(i * 5)},
 trafficPolicy: {connectionPool: {tcp: {maxConnections: ${100 + i}}}, outlierDetection: {consecutive5xxErrors: 5}}, subsets: [{name: v1, labels: {version: v1}}]}}`,
});

export const policyFile = (i: number, method: string): Files => ({
  [`policy-${i}.yaml`]: `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, ${meta(`p${i}`, namespaceOf(i))}, spec: {selector: {matchLabels: {app: s${i}}},
 rules: [{from: [{source: {principals: ["cluster.local/ns/ns1/sa/s1"]}}], to: [{operation: {methods: [${method}]}}]}]}}`,
});

const gatewayFiles = (): Files => ({
  "gateway.yaml": `
{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, namespace: ns0, labels: {istio: edge}}, spec: {role: gateway, serviceAccount: edge}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, ${meta("edge", "ns0")}, spec: {selector: {istio: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}}`,
  "gateway-api.yaml": `
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, ${meta("api", "ns0")}, spec: {gatewayClassName: tulle, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`,
});

const edgeVirtualServiceFile = (i: number): Files => ({
  [`edge-vs-${i}.yaml`]: `{apiVersion: networking.istio.io/v1, kind: VirtualService, ${meta(`edge${i}`, "ns0")}, spec: {hosts: [h${i}.example.com], gateways: [edge],
 http: [{match: [{uri: {prefix: /a}}], ${route(i)}}, {${route(i + 1)}}]}}`,
});

const httpRoute = (name: string, i: number, parent: string, more: string, prefix: string): string =>
  `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, ${meta(name, namespaceOf(i))}, spec: {parentRefs: [${parent}]${more},
 rules: [{matches: [{path: {type: PathPrefix, value: ${prefix}}}], backendRefs: [{name: s${i}, port: 80}]}, {backendRefs: [{name: s${i}, port: 80}]}]}}`;

export const edgeRouteFile = (i: number, prefix: string): Files => ({
  [`edge-route-${i}.yaml`]: httpRoute(
    `edge${i}`,
    i,
    "{name: api, namespace: ns0}",
    `, hostnames: [r${i}.example.com]`,
    prefix,
  ),
});

/** Of a Service: the ones behind the VirtualServices. */
export const serviceRouteFile = (i: number, prefix: string): Files => {
  const at = 600 + i;
  return { [`route-${i}.yaml`]: httpRoute(`s${at}`, at, `{group: "", kind: Service, name: s${at}}`, "", prefix) };
};
