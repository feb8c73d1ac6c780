/**
 * The services of a mesh: what Kubernetes Services and ServiceEntries say of each host, with the endpoints that documents list.
 *
 * Source: Istio. Documents of one host and namespace are one service: the first one's properties hold, a Kubernetes Service's before all others;
 * ports and endpoints of the others are added. Of one host in several namespaces each is a service of its own.
 *
 * @module
 */
import type { EndpointList, ExternalEndpoint, ServiceEntry, WorkloadEntry } from "../model/external-service.ts";
import { selects } from "../model/match.ts";
import type { Service, ServiceEndpoint, UdpPort, Workload } from "../model/service.ts";
import { UNIX_PREFIX } from "../model/service.ts";
import { isAddress } from "./names.ts";

export interface ServiceDocuments {
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly workloadEntries: readonly WorkloadEntry[];
  readonly endpointLists: readonly EndpointList[];
}

export function meshServices(documents: ServiceDocuments): readonly Service[] {
  const merged = new Map<string, Service>();
  const lists = listsByService(documents.endpointLists);
  const kubernetes = documents.services.map((service) =>
    withListed(withNumbers(service, documents), documents, lists.get(serviceKey(service.namespace, service.name))),
  );
  for (const service of [...kubernetes, ...documents.serviceEntries.flatMap((entry) => servicesOf(entry, documents))]) {
    const key = `${service.namespace} ${service.hostname}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? service : together(known, service));
  }
  return [...merged.values()];
}

function together(first: Service, next: Service): Service {
  const added = next.ports.filter(({ number }) => !first.ports.some((port) => port.number === number));
  return {
    ...first,
    ports: [...first.ports, ...added],
    ...udpOf([...(first.udpPorts ?? []), ...(next.udpPorts ?? [])]),
    addresses: [...new Set([...first.addresses, ...next.addresses])],
    subjectAltNames: [...new Set([...first.subjectAltNames, ...next.subjectAltNames])],
    endpoints: [...first.endpoints, ...next.endpoints.filter((endpoint) => fits(first, endpoint))],
  };
}

/** Names can be called only where names are looked up. */
export const fits = (
  { resolution }: Pick<Service, "resolution">,
  { address }: Pick<ServiceEndpoint, "address">,
): boolean => resolution !== "STATIC" || address === "" || isAddress(address) || address.startsWith(UNIX_PREFIX);

const udpOf = (udpPorts: readonly UdpPort[]): Pick<Service, "udpPorts"> => (udpPorts.length === 0 ? {} : { udpPorts });

/** Ports that are named by workloads get their numbers; where nobody has the name, the port's own number stands. */
function withNumbers(service: Service, { workloads }: ServiceDocuments): Service {
  const { ports, udpPorts = [] } = service;
  if ([...ports, ...udpPorts].every(({ targetPortName }) => targetPortName === undefined)) return service;
  const behind = workloads.filter((it) => it.namespace === service.namespace && selects(service.selector, it.labels));
  const numberOf = (name: string): number | undefined =>
    behind.flatMap(({ portNumbers }) => (Object.hasOwn(portNumbers, name) ? [portNumbers[name]] : []))[0];
  const numbered = <Port extends UdpPort>(port: Port): Port =>
    port.targetPortName === undefined
      ? port
      : { ...port, targetPort: numberOf(port.targetPortName) ?? port.targetPort };
  return { ...service, ports: ports.map(numbered), ...udpOf(udpPorts.map(numbered)) };
}

const serviceKey = (namespace: string, name: string): string => `${namespace} ${name}`;

function listsByService(lists: readonly EndpointList[]): ReadonlyMap<string, readonly EndpointList[]> {
  const found = new Map<string, EndpointList[]>();
  for (const list of lists) {
    const key = serviceKey(list.origin.namespace, list.service);
    const same = found.get(key);
    if (same === undefined) found.set(key, [list]);
    else same.push(list);
  }
  return found;
}

/** What was made of a Service, and of which endpoints. */
interface Listed {
  readonly selected: readonly ExternalEndpoint[];
  readonly lists: readonly EndpointList[];
  readonly result: Service;
}

const LISTED = new WeakMap<Service, Listed>();

const NONE: readonly never[] = [];

/**
 * A Kubernetes Service, with the WorkloadEntries that it selects, or with its EndpointSlices where it selects nothing. The same value as the
 * last time where these are.
 */
function withListed(
  service: Service,
  { workloadEntries }: ServiceDocuments,
  ofService: readonly EndpointList[] = NONE,
): Service {
  if (service.resolution !== "STATIC") return service;
  const selected = selectedBy(service.selector, service.namespace, workloadEntries);
  const lists = Object.keys(service.selector).length > 0 ? NONE : ofService;
  if (selected.length + lists.length === 0) return service;
  const known = LISTED.get(service);
  if (known !== undefined && sameItems(known.selected, selected) && sameItems(known.lists, lists)) return known.result;
  const listed = lists.flatMap((list) => list.endpoints.map((endpoint) => served(endpoint, service, "named")));
  const all = [...selected.map((it) => served(it, service, "any")), ...listed];
  const result = { ...service, endpoints: all.filter((it) => fits(service, it)) };
  LISTED.set(service, { selected, lists, result });
  return result;
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);

function selectedBy(
  selector: Readonly<Record<string, string>>,
  namespace: string,
  entries: readonly WorkloadEntry[],
): readonly ExternalEndpoint[] {
  if (Object.keys(selector).length === 0) return [];
  return entries
    .filter(({ origin, endpoint }) => origin.namespace === namespace && selects(selector, endpoint.labels))
    .map(({ endpoint }) => endpoint);
}

function servicesOf(entry: ServiceEntry, { workloadEntries }: ServiceDocuments): readonly Service[] {
  const { origin, ports, resolution, workloadSelector = {} } = entry;
  return entry.hosts.map((hostname) => {
    const given = [...entry.endpoints, ...selectedBy(workloadSelector, origin.namespace, workloadEntries)];
    const named = entry.workloadSelector === undefined && (resolution === "DNS" || resolution === "DNS_ROUND_ROBIN");
    const endpoints = given.length === 0 && named ? [itself(hostname, entry)] : given;
    return {
      origin,
      source: "serviceEntry",
      name: hostname,
      namespace: origin.namespace,
      hostname,
      ports,
      selector: workloadSelector,
      resolution,
      location: entry.location,
      addresses: entry.addresses.map((address) => address.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, "")),
      endpoints: endpoints.filter((it) => fits(entry, it)).map((endpoint) => served(endpoint, { ports }, "any")),
      subjectAltNames: entry.subjectAltNames,
      exportTo: entry.exportTo,
    };
  });
}

/** The host is the name to look up. */
const itself = (hostname: string, { origin }: ServiceEntry): ExternalEndpoint => ({
  name: origin.name,
  namespace: origin.namespace,
  address: hostname,
  ports: {},
  labels: {},
  weight: undefined,
  locality: undefined,
  network: "",
  serviceAccount: undefined,
  takesMtls: false,
  healthy: true,
});

type Places = readonly (readonly [port: number, at: number])[];

/** @param which `any`: ports that the endpoint does not name are where the service says; `named`: it serves none but those. */
function served(
  { ports: own, udpPorts: ownUdp, ...traits }: ExternalEndpoint,
  { ports, udpPorts = [] }: Pick<Service, "ports" | "udpPorts">,
  which: "any" | "named",
): ServiceEndpoint {
  const places = (all: readonly UdpPort[], named: ExternalEndpoint["ports"]): ReadonlyMap<number, number> =>
    new Map(
      all.flatMap(({ name, number, targetPort, targetPortName = name }): Places => {
        const place = named[targetPortName] ?? named[name] ?? (which === "any" ? targetPort : undefined);
        return place === undefined ? [] : [[number, place]];
      }),
    );
  const found = { ...traits, ports: places(ports, own) };
  return udpPorts.length === 0 ? found : { ...found, udpPorts: places(udpPorts, ownUdp ?? own) };
}
