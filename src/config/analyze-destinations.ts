/**
 * Where routes lead: services that do not exist, subsets that nobody defines, ports that are left open.
 *
 * @module
 */
import type { Origin } from "../model/origin.ts";
import type { Service } from "../model/service.ts";
import type { ConnectionDestination, HttpRule, VirtualService } from "../model/virtual-service.ts";
import type { Finding, MeshIndex } from "./mesh-index.ts";
import { quote } from "./tree.ts";

export function analyzeDestinations(index: MeshIndex): readonly Finding[] {
  return index.mesh.virtualServices.flatMap((vs) => {
    const check = (kind: string, rules: readonly (readonly ConnectionDestination[])[]): readonly Finding[] =>
      rules.flatMap((destinations, i) =>
        destinations.flatMap((d, j) => checkDestination(index, vs.origin, d, routePath(vs, `spec.${kind}[${i}]`, j))),
      );
    return [
      ...vs.http.flatMap((rule) => checkRule(index, vs, rule)),
      ...check(
        "tls",
        vs.tls.map((rule) => rule.destinations),
      ),
      ...check(
        "tcp",
        vs.tcp.map((rule) => rule.destinations),
      ),
    ];
  });
}

const isSplit = ({ kind }: Origin): boolean => kind === "TrafficSplit";

const routePath = (vs: VirtualService, rule: string, j: number): string =>
  isSplit(vs.origin) ? `spec.backends[${j}].service` : `${rule}.route[${j}].destination`;

function checkRule(index: MeshIndex, vs: VirtualService, { action, delegate, field }: HttpRule): readonly Finding[] {
  if (action.t !== "route") return [];
  const origin = delegate ?? vs.origin;
  const path = `spec.${field}`;
  return [
    ...action.destinations.flatMap((d, j) => checkDestination(index, origin, d, routePath(vs, path, j))),
    ...action.mirrors.flatMap((m) => checkDestination(index, origin, m, `${path}.${m.field}`, "copies")),
  ];
}

/** @param what What is sent there. */
function checkDestination(
  index: MeshIndex,
  origin: Origin,
  d: Pick<ConnectionDestination, "host" | "subset" | "port">,
  path: string,
  what: "calls" | "copies" = "calls",
): readonly Finding[] {
  const split = isSplit(origin);
  const at = (field: string): string => (split ? path : `${path}.${field}`);
  const service = index.services.get(d.host);
  if (service === undefined) {
    const message = `no Service has the host ${quote(d.host)}, so ${what} sent there fail [IST0101]${shortNameHint(d.host, index)}`;
    return [{ severity: "error", origin, path: at("host"), message }];
  }
  const found: Finding[] = [];
  const error = (field: string, message: string): void =>
    void found.push({ severity: "error", origin, path: at(field), message });
  if (d.subset !== undefined && !hasSubset(index, d.host, d.subset)) {
    error(
      "subset",
      `no DestinationRule for ${d.host} defines the subset ${quote(d.subset)} [IST0101]${subsetHint(index, d.host)}`,
    );
  }
  const ports = service.ports.map((p) => p.number);
  if (d.port !== undefined && !ports.includes(d.port)) {
    error("port.number", `the service ${d.host} has no port ${d.port}, it has ${listed(service)} [IST0101]`);
  }
  if (d.port === undefined && ports.length > 1 && !split) {
    error("host", `the service ${d.host} has several ports (${listed(service)}): name one with port.number [IST0112]`);
  }
  return found;
}

const listed = (service: Service): string => service.ports.map((p) => p.number).join(", ") || "none";

const hasSubset = (index: MeshIndex, host: string, name: string): boolean =>
  index.rulesFor(host).some((rule) => rule.subsets.some((s) => s.name === name));

function subsetHint(index: MeshIndex, host: string): string {
  const names = index.rulesFor(host).flatMap((r) => r.subsets.map((s) => s.name));
  return names.length === 0 ? "" : `; defined are ${[...new Set(names)].join(", ")}`;
}

/** `reviews.prod` looks qualified and is not: a host with a dot is taken as it stands. */
function shortNameHint(host: string, index: MeshIndex): string {
  const full = `${host}.svc.${index.mesh.settings.clusterDomain}`;
  return index.services.has(full) ? `; a host with a dot is taken as it stands: write ${full}` : "";
}
