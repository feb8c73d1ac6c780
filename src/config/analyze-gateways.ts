/**
 * Gateways that nobody serves, ports and certificates that are not there, servers that are in each other's way, and rules
 * that are bound to a Gateway which does not let their hosts in.
 *
 * @module
 */
import { type Gateway, type GatewayServer, gatewayName, MESH_GATEWAY } from "../model/gateway.ts";
import { type LabelSelector, selects } from "../model/match.ts";
import type { Workload } from "../model/service.ts";
import type { VirtualService } from "../model/virtual-service.ts";
import { type Finding, hostCovers, type MeshIndex, where } from "./mesh-index.ts";
import { quote } from "./tree.ts";

export function analyzeGateways(index: MeshIndex): readonly Finding[] {
  const { gateways, virtualServices } = index.mesh;
  return [
    ...gateways.flatMap((gateway) => servedBy(index, gateway)),
    ...gateways.flatMap((gateway) => conflicts(gateways, gateway)),
    ...virtualServices.flatMap((vs) => bindings(gateways, vs)),
  ];
}

const finding = (
  { origin }: Pick<Gateway, "origin">,
  severity: Finding["severity"],
  path: string,
  message: string,
): Finding => ({ severity, origin, path, message });

/** Only where the documents have workloads at all, as elsewhere in analysis. */
function servedBy(index: MeshIndex, gateway: Gateway): readonly Finding[] {
  const { workloads } = index.mesh;
  if (workloads.length === 0) return [];
  const serving = workloads.filter((w) => w.gateway !== undefined && selects(gateway.selector, w.labels));
  if (serving.length === 0) {
    const labelled = workloads.some((w) => selects(gateway.selector, w.labels));
    const hint = labelled ? "the workloads with these labels lack role: gateway" : '"tulle up --gateway" adds one';
    return [
      finding(gateway, "error", "spec.selector", `selects no gateway workload, so nothing listens [IST0101]: ${hint}`),
    ];
  }
  return serving.flatMap((workload) =>
    gateway.servers.flatMap((server, i) => [
      ...unknownPort(index, gateway, server, `spec.servers[${i}]`, workload),
      ...missingCredential(index, gateway, server, `spec.servers[${i}].tls`, workload),
    ]),
  );
}

function unknownPort(
  index: MeshIndex,
  gateway: Gateway,
  { port: { number } }: GatewayServer,
  path: string,
  workload: Workload,
): readonly Finding[] {
  const at = `${path}.port.number`;
  const services = index.mesh.services.filter((s) => index.workloadsOf(s).includes(workload));
  const known = services.flatMap((s) => s.ports.flatMap((p) => [p.number, p.targetPort]));
  if (services.length > 0 && !known.includes(number))
    return [
      finding(
        gateway,
        "warning",
        at,
        `no Service of the gateway workload ${workload.name} has port ${number}, so nobody reaches it by a Service [IST0162]`,
      ),
    ];
  if (workload.ports.length === 0 || workload.ports.includes(number) || known.includes(number)) return [];
  const message = `the gateway workload ${workload.name} does not name port ${number}: it names ${workload.ports.join(", ")} [IST0104]`;
  return [finding(gateway, "warning", at, message)];
}

function missingCredential(
  { mesh }: MeshIndex,
  gateway: Gateway,
  { tls }: GatewayServer,
  path: string,
  { namespace, name: workload }: Workload,
): readonly Finding[] {
  if (tls?.certificate?.t !== "credentials") return [];
  const { names, caName } = tls.certificate;
  const [first = ""] = names;
  const find = (wanted: string) => mesh.credentials.find((c) => c.namespace === namespace && c.name === wanted);
  const lacks = (field: string, what: string): Finding =>
    finding(
      gateway,
      "error",
      `${path}.${field}`,
      `${what} is in the namespace ${quote(namespace)} of the gateway workload ${workload}, so the server is left out [IST0101]`,
    );
  const field = names.length > 1 ? "credentialNames" : "credentialName";
  const found = names
    .filter((name) => find(name)?.certificate === undefined)
    .map((name) => lacks(field, `no Secret ${quote(name)} with a certificate`));
  if (tls.mode !== "MUTUAL" && tls.mode !== "OPTIONAL_MUTUAL") return found;
  const holders = caName === undefined ? [first, `${first}-cacert`] : [caName];
  if (holders.every((holder) => find(holder)?.trustedCaPem === undefined))
    found.push(
      lacks(
        caName === undefined ? field : "caCertCredentialName",
        `no Secret ${holders.map(quote).join(" or ")} with ca.crt`,
      ),
    );
  return found;
}

/** Of two servers of one port that cannot both have it, or that take the same hosts, only one is as it is written. */
function conflicts(gateways: readonly Gateway[], gateway: Gateway): readonly Finding[] {
  return gateway.servers.flatMap((server, i): readonly Finding[] => {
    const rival = gateways.find(
      (other) =>
        other !== gateway &&
        mayShareWorkload(gateway.selector, other.selector) &&
        other.servers.some((its) => isInTheWay(server, its)),
    );
    if (rival === undefined) return [];
    const message = `${where(rival.origin)} has a server for port ${server.port.number} too that cannot stand beside this one: another protocol, or the same hosts [IST0145]`;
    return [finding(gateway, "error", `spec.servers[${i}]`, message)];
  });
}

/** As Istio judges it: by the labels that both ask for, whatever workloads there are. */
const mayShareWorkload = (a: LabelSelector, b: LabelSelector): boolean => selects(a, b) || selects(b, a);

function isInTheWay(a: GatewayServer, b: GatewayServer): boolean {
  if (a.port.number !== b.port.number || a.bind !== b.bind) return false;
  const kinds = [a, b].map(({ port: { protocol } }) => (protocol === "HTTPS" ? "TLS" : protocol));
  if (kinds[0] !== kinds[1]) return true;
  return a.hosts.some((one) =>
    b.hosts.some(
      (other) =>
        one.host === other.host &&
        (one.namespace === undefined || other.namespace === undefined || one.namespace === other.namespace),
    ),
  );
}

function bindings(gateways: readonly Gateway[], vs: VirtualService): readonly Finding[] {
  return vs.gateways.flatMap((name, i): readonly Finding[] => {
    if (name === MESH_GATEWAY) return [];
    const gateway = gateways.find((g) => gatewayName(g) === name);
    if (gateway === undefined)
      return [finding(vs, "error", `spec.gateways[${i}]`, `there is no Gateway ${quote(name)} [IST0101]`)];
    const open = gateway.servers
      .flatMap((server) => server.hosts)
      .filter(({ namespace }) => namespace === undefined || namespace === vs.origin.namespace);
    const meets = vs.hosts.some((host) => open.some((o) => hostCovers(o.host, host) || hostCovers(host, o.host)));
    if (meets) return [];
    const message = `the Gateway ${quote(name)} lets in none of these hosts for the namespace ${quote(vs.origin.namespace)} [IST0132]`;
    return [finding(vs, "warning", "spec.hosts", message)];
  });
}
