/**
 * The calls that are compared: of each caller, for each host and port that it knows, requests that the routes take or just miss, and
 * requests that policies speak of. What routes ask for is read from the resources, whatever document they come from.
 *
 * @module
 */
import type { AuthorizationOperation, AuthorizationRule } from "../../model/security.ts";
import type { StringMatch } from "../../model/match.ts";
import type { Service } from "../../model/service.ts";
import { selects } from "../../model/match.ts";
import { isBehind, mayBeTcp, maySpeakHttp } from "../../translate/mesh-index.ts";
import { headerOfKey } from "../../translate/rbac-principals.ts";
import type { Route, VirtualHost } from "../../xds/proto/route.ts";
import type { ExplainRequest } from "../explain/explanation.ts";
import { outboundHttp } from "../explain/routing.ts";
import type { SimulatedMesh } from "../explain/simulated-mesh.ts";
import type { Callers } from "./callers.ts";
import { requestsFor, type SampleRequest } from "./requests.ts";
import { OTHER } from "./samples.ts";

export interface Question extends ExplainRequest {
  /** The authority that is called, for people. */
  readonly host: string;
}

/** Those that one mesh suggests, without doubles. */
export function questionsOf(simulated: SimulatedMesh, callers: Callers): readonly Question[] {
  const all = callers.gateway ? gatewayQuestions(simulated, callers) : meshQuestions(simulated, callers);
  return [...new Map(all.map((question) => [keyOf(question), question])).values()];
}

/** The same question. */
export const keyOf = ({ from, method, url, headers }: ExplainRequest): string =>
  JSON.stringify([from, method, url, headers]);

function meshQuestions(simulated: SimulatedMesh, { asked }: Callers): readonly Question[] {
  const byPolicies = policyRequests(simulated);
  // Not the routes of loopback ports, which are the same rules once more.
  const table = asked === undefined ? undefined : outboundHttp(simulated, simulated.find(asked)).routeTable.message;
  const hosts = table?.virtualHosts ?? [];
  const known = new Map(hosts.map((host) => [host.name, authorityOf(host)]));
  const plain = simulated.mesh.services.flatMap((service) =>
    service.ports.flatMap((port): readonly Question[] => {
      const at = known.get(`${service.hostname}:${port.number}`) ?? `${shortName(service)}:${port.number}`;
      const requests = [PLAIN, ...(byPolicies.get(service) ?? [])];
      return [
        ...(maySpeakHttp(port) ? requests.map((request) => question(asked, `http://${at}`, request)) : []),
        ...(mayBeTcp(port.protocol)
          ? [{ from: asked, method: undefined, url: `tcp://${at}`, headers: [], host: at }]
          : []),
      ];
    }),
  );
  const routed = hosts.flatMap((host) => hostQuestions(asked, "http", authorityOf(host), host, byPolicies));
  return [...routed, ...plain];
}

function gatewayQuestions(simulated: SimulatedMesh, { asked }: Callers): readonly Question[] {
  if (asked === undefined) return [];
  const { routes } = simulated.resourcesOf(simulated.find(asked));
  const byPolicies = policyRequests(simulated);
  return routes.flatMap(({ name = "", virtualHosts = [] }) =>
    virtualHosts.flatMap((host) => {
      const port = /:(\d+)$/.exec(host.name ?? "")?.[1] ?? "80";
      const names = (host.domains ?? []).map((domain) => concrete(domain.replace(/:.*$/, "")));
      const scheme = name.startsWith("https") ? "https" : "http";
      return hostQuestions(asked, scheme, `${names[0] ?? ""}:${port}`, host, byPolicies);
    }),
  );
}

const PLAIN: SampleRequest = { method: "GET", path: "/", headers: [] };

const question = (from: string | undefined, base: string, { method, path, headers }: SampleRequest): Question => ({
  from,
  method,
  url: `${base}${path}`,
  headers,
  host: base.replace(/^[a-z]+:\/\//, ""),
});

function hostQuestions(
  from: string | undefined,
  scheme: "http" | "https",
  authority: string | undefined,
  { routes = [] }: VirtualHost,
  byPolicies: PolicyRequests,
): readonly Question[] {
  if (authority === undefined) return [];
  const requests = [...routes.flatMap((route) => routeRequests(route, byPolicies)), PLAIN];
  return requests.map((request) => question(from, `${scheme}://${authority}`, request));
}

/** Where a route takes any path, those that policies of its destinations speak of come first: others may be kept out. */
function routeRequests({ match = {}, route }: Route, byPolicies: PolicyRequests): readonly SampleRequest[] {
  const requests = requestsFor(match);
  const [taken] = requests;
  if (taken === undefined || match.prefix !== "/") return requests;
  const clusters = [route?.cluster, ...(route?.weightedClusters?.clusters ?? []).map(({ name }) => name)];
  const hosts = new Set(clusters.map((name) => name?.split("|")[3]?.replace(/@.*/, "")));
  const spoken = [...byPolicies].flatMap(([{ hostname }, found]) => (hosts.has(hostname) ? found : []));
  const isFree = !(match.headers ?? []).some(({ name }) => name === ":method");
  const allowed = spoken.map(({ method, path, headers }) => ({
    method: isFree ? method : taken.method,
    path: `${path}${taken.path.slice(1)}`,
    headers: [...new Map([...headers, ...taken.headers])],
  }));
  return [...allowed, ...requests];
}

/** The shortest name that a caller may write; undefined for the host that stands for all that are none. */
function authorityOf({ name = "", domains = [] }: VirtualHost): string | undefined {
  const port = /:(\d+)$/.exec(name)?.[1];
  const withPort = domains.filter((domain) => port === undefined || domain.endsWith(`:${port}`));
  const usable = (withPort.length > 0 ? withPort : domains).filter((domain) => domain !== "*");
  const shortest = [...usable].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0];
  if (shortest === undefined) return undefined;
  const host = concrete(shortest.replace(/:(\*|\d+)$/, ""));
  return `${host}:${port ?? "80"}`;
}

/** A host that a wildcard covers. */
const concrete = (host: string): string => (host === "*" ? "any.example" : host.replace(/^\*/, "any"));

/** `reviews.default`, which callers of every namespace may write. */
const shortName = ({ name, namespace, hostname, source }: Service): string =>
  source === "kubernetes" ? `${name}.${namespace}` : concrete(hostname);

/** For each service, what the policies of its workloads ask for and just not. */
type PolicyRequests = ReadonlyMap<Service, readonly SampleRequest[]>;

function policyRequests({ mesh }: SimulatedMesh): PolicyRequests {
  return new Map(
    mesh.services.map((service) => {
      const workloads = mesh.workloads.filter((workload) => isBehind(service, workload));
      const policies = mesh.authorizationPolicies.filter(({ origin, selector }) =>
        workloads.some(
          ({ labels, namespace }) =>
            selects(selector ?? {}, labels) && [namespace, mesh.settings.rootNamespace].includes(origin.namespace),
        ),
      );
      return [service, policies.flatMap(({ rules }) => rules.flatMap(ruleRequests))];
    }),
  );
}

function ruleRequests({ to, when }: AuthorizationRule): readonly SampleRequest[] {
  const headers = when.flatMap(({ key, values, notValues }) => {
    const name = headerOfKey(key)?.toLowerCase();
    const value = (values[0] ?? notValues[0])?.replaceAll("*", "x");
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  const asked = to.length === 0 ? [PLAIN] : to.flatMap(operationRequests);
  return asked.flatMap((request) => [request, ...(headers.length === 0 ? [] : [{ ...request, headers }])]);
}

function operationRequests({ methods, notMethods, paths, notPaths }: AuthorizationOperation): readonly SampleRequest[] {
  const method = sampleOf(methods) ?? "GET";
  const path = pathOf(sampleOf(paths));
  const also = [...methods.slice(1), ...notMethods].map((m) => sampleOf([m]) ?? "GET");
  const otherPaths = [...paths.slice(1), ...notPaths].map((p) => pathOf(sampleOf([p])));
  return [
    { method, path, headers: [] },
    ...also.map((other) => ({ method: other, path, headers: [] })),
    ...otherPaths.map((other) => ({ method, path: other, headers: [] })),
    { method: method === "POST" ? "GET" : "POST", path, headers: [] },
    { method, path: `/${OTHER}`, headers: [] },
  ];
}

const pathOf = (text: string | undefined): string => (text?.startsWith("/") === true ? text : `/${text ?? ""}`);

function sampleOf([first]: readonly StringMatch[]): string | undefined {
  return first === undefined || first.t === "present" || first.t === "regex" ? undefined : first.value;
}
