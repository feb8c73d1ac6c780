/**
 * Which Sidecar a workload has, and what of the mesh that lets its proxy know.
 *
 * Source: Istio: a Sidecar of the workload's namespace that selects it, else that namespace's own without a selector, else the root
 * namespace's; of several the oldest. Services that VirtualServices and routes of the Gateway API send calls to are known with them, though not by their
 * names. Differs: VirtualServices of all
 * egress listeners hold on all ports.
 *
 * @module
 */
import { selects } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service, Workload } from "../model/service.ts";
import type { EgressHost, EgressListener, Sidecar } from "../model/sidecar.ts";
import type { SourceMatch, VirtualService } from "../model/virtual-service.ts";
import type { RouteCalls } from "./gateway-api/route-calls.ts";
import { covers } from "./mesh-index.ts";

/** Undefined where none holds; a gateway has none. */
export function sidecarFor({ sidecars, settings }: Mesh, workload: Workload): Sidecar | undefined {
  if (workload.gateway !== undefined) return undefined;
  const own = sidecars.filter(({ origin }) => origin.namespace === workload.namespace);
  return (
    own.find((it) => it.workloadSelector !== undefined && selects(it.workloadSelector, workload.labels)) ??
    own.find(isDefault) ??
    sidecars.find((it) => it.origin.namespace === settings.rootNamespace && isDefault(it))
  );
}

const isDefault = ({ workloadSelector }: Sidecar): boolean => workloadSelector === undefined;

export interface Imported extends Pick<Mesh, "services" | "virtualServices"> {
  /** Those that can be called by their names; the others only rules lead to. */
  readonly named: readonly Service[];
}

/**
 * What is left of these documents, all of them exported to `namespace`, for a workload there.
 * @param routes Of the mesh.
 */
export function importedBy(
  { egress }: Sidecar,
  namespace: string,
  exported: Pick<Mesh, "services" | "virtualServices">,
  routes: readonly RouteCalls[],
): Imported {
  if (egress.length === 0) return { ...exported, named: exported.services };
  const ports = new Set(egress.flatMap(({ port }) => port?.number ?? []));
  const services = new Map<Service, ReadonlySet<number>>();
  const add = (service: Service, numbers: readonly number[]): void =>
    void services.set(service, new Set([...(services.get(service) ?? []), ...numbers]));
  for (const listener of egress)
    for (const service of exported.services)
      if (importsService(listener, namespace, service)) add(service, portsFor(listener, service, ports));
  const virtualServices = exported.virtualServices.filter((it) =>
    egress.some((listener) => importsRules(listener, namespace, it)),
  );
  const named = exported.services.flatMap((it) => trimmed(it, services.get(it)));
  const imported = routes.filter((it) =>
    egress.some((listener) => imports(listener, namespace, it.namespace, (host) => covers(host, it.host))),
  );
  const called = new Set([
    ...virtualServices.flatMap((it) => destinationHosts(it, namespace)),
    ...imported.flatMap(({ destinations }) => destinations),
  ]);
  for (const service of exported.services) if (called.has(service.hostname)) add(service, portNumbers(service));
  return { services: exported.services.flatMap((it) => trimmed(it, services.get(it))), virtualServices, named };
}

const portNumbers = ({ ports }: Service): readonly number[] => ports.map(({ number }) => number);

export const importsService = (listener: EgressListener, namespace: string, service: Service): boolean =>
  imports(listener, namespace, service.namespace, (host) => covers(host, service.hostname));

function imports({ hosts }: EgressListener, own: string, namespace: string, fits: (host: string) => boolean): boolean {
  const named = (host: EgressHost): boolean => isIn(host, own, namespace) && fits(host.host);
  return hosts.some((h) => !h.excluded && named(h)) && !hosts.some((h) => h.excluded && named(h));
}

const isIn = ({ namespace: wanted }: EgressHost, own: string, namespace: string): boolean =>
  wanted === "*" || (wanted === "." ? own : wanted) === namespace;

/** For one of its hosts: those that are left out do not count. */
function importsRules({ hosts }: EgressListener, own: string, { hosts: called, origin }: VirtualService): boolean {
  const here = hosts.filter((it) => isIn(it, own, origin.namespace));
  const isLeftOut = (host: string): boolean => here.some((it) => it.excluded && covers(it.host, host));
  return called.some((host) => !isLeftOut(host) && here.some((it) => !it.excluded && touches(it.host, host)));
}

/** A listener with a port brings that port alone, and one without those that have no listener. */
function portsFor({ port }: EgressListener, service: Service, listening: ReadonlySet<number>): readonly number[] {
  if (port === undefined) return portNumbers(service).filter((number) => !listening.has(number));
  return portNumbers(service).filter(
    (number) => port.protocol === "http-proxy" || port.number === 0 || number === port.number,
  );
}

/** Wildcards on either side, as Istio has it for VirtualServices. */
const touches = (host: string, other: string): boolean => covers(host, other) || covers(other, host);

/** Rules for calls from other namespaces alone lead nowhere here. */
function destinationHosts({ http, tcp, tls }: VirtualService, namespace: string): readonly string[] {
  const isOurs = ({ matches }: { readonly matches: readonly { readonly source: SourceMatch }[] }): boolean =>
    matches.length === 0 || matches.some(({ source }) => (source.namespace ?? namespace) === namespace);
  const requests = http
    .filter(isOurs)
    .flatMap(({ action }) => (action.t === "route" ? [...action.destinations, ...action.mirrors] : []));
  const connections = [...tcp, ...tls].filter(isOurs).flatMap(({ destinations }) => destinations);
  return [...requests, ...connections].map(({ host }) => host);
}

function trimmed(service: Service, known: ReadonlySet<number> | undefined): readonly Service[] {
  if (known === undefined || known.size === 0) return [];
  if (known.size === service.ports.length) return [service];
  const key = [...known].sort((a, b) => a - b).join(" ");
  const trims = TRIMMED.get(service) ?? new Map<string, Service>();
  TRIMMED.set(service, trims);
  const trim = trims.get(key) ?? { ...service, ports: service.ports.filter(({ number }) => known.has(number)) };
  trims.set(key, trim);
  return [trim];
}

/** By the ports that are left: the same value for the same. */
const TRIMMED = new WeakMap<Service, Map<string, Service>>();
