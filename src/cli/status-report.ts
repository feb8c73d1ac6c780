/**
 * The state of a mesh as `tulle status` prints it.
 *
 * @module
 */
import type {
  CertificateStatus,
  MeshStatus,
  PolicyCounts,
  ProxyStatus,
  ProxyTypeStatus,
  ServedGateway,
  ServiceStatus,
} from "../admin/api.ts";
import { formatProblem } from "../base/problem.ts";
import { columns } from "./columns.ts";
import { gatewayApiTables } from "./gateway-api-tables.ts";
import type { Paint } from "./paint.ts";
import { span } from "./spans.ts";
import { count } from "./words.ts";

/** Types in the order in which they are sent. */
const TYPES = ["cds", "eds", "lds", "rds"];

export function statusReport(status: MeshStatus, paint: Paint): string {
  const { nowMs } = status.controlPlane;
  const sections = [
    summary(status, paint),
    services(status.services, paint),
    ...gateways(status.gateways, paint),
    ...gatewayApiTables(status.gatewayApi, paint),
    columns(
      ["PROXY", "CONNECTED", "VERSION", ...TYPES.map((t) => t.toUpperCase()), "CERTIFICATE"],
      status.proxies.map((proxy) => proxyRow(proxy, status, paint)),
      paint,
    ),
    ...troubles(status, nowMs, paint),
  ];
  return sections.join("\n");
}

/** Nothing where there is none. */
function gateways(served: readonly ServedGateway[], paint: Paint): readonly string[] {
  if (served.length === 0) return [];
  const rows = served.map(({ instance, gateway, port, protocol, hosts, address }) => [
    instance,
    gateway,
    `${port}/${protocol}`,
    address,
    hosts.join(", "),
  ]);
  return [columns(["GATEWAY", "DOCUMENT", "PORT", "LISTENS ON", "HOSTS"], rows, paint)];
}

function summary(status: MeshStatus, paint: Paint): string {
  const { controlPlane, authority, documents, policies, publication } = status;
  const { version, trustDomain, startedMs, nowMs } = controlPlane;
  const { applied, kept, refused } = documents;
  const rows: readonly (readonly [string, string])[] = [
    ["control plane", `tulle ${version}, up ${span(nowMs - startedMs)}, trust domain ${trustDomain}`],
    ["configuration", convergence(publication, paint)],
    [
      "documents",
      [
        `${applied} applied`,
        ...(kept > 0 ? [paint.yellow(`${kept} kept from before`)] : []),
        ...(refused > 0 ? [paint.red(`${refused} refused`)] : []),
      ].join(", ") + policyText(policies),
    ],
    [
      "authority",
      `root ends in ${span(authority.rootNotAfterMs - nowMs)}, intermediate in ${span(authority.intermediateNotAfterMs - nowMs)}`,
    ],
  ];
  return rows.map(([name, text]) => `${paint.bold(name.padEnd(15))}${text}\n`).join("");
}

function convergence(it: MeshStatus["publication"], paint: Paint): string {
  const proxies = `${it.acknowledged}/${it.proxies} proxies`;
  const missing = it.proxies - it.connected;
  const parts = [
    `version ${it.version}: ${it.acknowledged === it.proxies ? paint.green(proxies) : paint.yellow(proxies)}`,
    ...(it.convergenceMs === undefined ? [] : [`the last after ${Math.round(it.convergenceMs)} ms`]),
    ...(missing > 0 ? [paint.red(`${missing} not connected`)] : []),
  ];
  return parts.join(", ");
}

function policyText(p: PolicyCounts): string {
  const parts: readonly (readonly [number, string])[] = [
    [p.virtualServices, "VirtualService"],
    [p.destinationRules, "DestinationRule"],
    [p.peerAuthentications, "PeerAuthentication"],
  ];
  const policies = `${p.authorizationPolicies} ${p.authorizationPolicies === 1 ? "AuthorizationPolicy" : "AuthorizationPolicies"}`;
  return ` (${[...parts.map(([n, noun]) => count(n, noun)), policies].join(", ")})`;
}

function services(all: readonly ServiceStatus[], paint: Paint): string {
  const rows = all.flatMap((service) =>
    service.ports.map((port) => {
      const healthy = `${port.healthy}/${port.endpoints}`;
      const good = port.endpoints > 0 && port.healthy === port.endpoints;
      const paintIt = port.healthy === 0 ? paint.red : good ? paint.green : paint.yellow;
      return [
        `${service.name}.${service.namespace}`,
        service.hostname,
        `${port.number}/${port.protocol}`,
        paintIt(healthy),
      ];
    }),
  );
  return columns(["SERVICE", "HOST", "PORT", "HEALTHY"], rows, paint);
}

function proxyRow(proxy: ProxyStatus, { controlPlane, publication }: MeshStatus, paint: Paint): readonly string[] {
  const { nowMs } = controlPlane;
  const since = proxy.connectedSinceMs;
  const version = String(proxy.acknowledgedVersion);
  return [
    proxy.id,
    since === undefined ? paint.red("no") : span(nowMs - since),
    proxy.acknowledgedVersion === publication.version ? version : paint.yellow(version),
    ...TYPES.map((name) =>
      typeCell(
        proxy.types.find((t) => t.type === name),
        paint,
      ),
    ),
    certificate(proxy.certificates[0], nowMs, paint),
  ];
}

/** Istio's words where it has one. */
function typeCell(type: ProxyTypeStatus | undefined, paint: Paint): string {
  if (type === undefined) return paint.dim("-");
  switch (type.state) {
    case "synced":
      return paint.green("SYNCED");
    case "pending":
      return paint.yellow("STALE");
    case "rejected":
      return paint.red("REJECTED");
    case "waiting":
      return paint.dim("NOT SENT");
  }
}

function certificate(it: CertificateStatus | undefined, nowMs: number, paint: Paint): string {
  if (it === undefined) return paint.dim("unknown");
  const { issuedMs = it.notBeforeMs, notAfterMs, serial } = it;
  if (nowMs > notAfterMs) return paint.red(`expired ${span(nowMs - notAfterMs)} ago`);
  return `${span(nowMs - issuedMs)} old, ${span(notAfterMs - nowMs)} left, serial ${serial.slice(0, 12)}`;
}

function troubles(status: MeshStatus, nowMs: number, paint: Paint): readonly string[] {
  const { problems, proxies, rejections } = status;
  const rejected = proxies.flatMap((p) =>
    p.types.filter((t) => t.state === "rejected").map((t) => `${p.id} ${t.type}: ${t.rejection ?? ""}`),
  );
  const failed = proxies.flatMap((p) => (p.problem === undefined ? [] : [`${p.id}: ${p.problem}`]));
  const earlier = rejections.slice(-5).map((r) => `${span(nowMs - r.atMs)} ago ${r.nodeId} ${r.type}: ${r.reason}`);
  const lines = problems.map((p) => (p.severity === "error" ? paint.red(formatProblem(p)) : formatProblem(p)));
  return [
    section("Problems of the documents", lines, paint),
    section("Resources that could not be made; these proxies keep what they had", failed, paint),
    section("Rejected by proxies, which keep what they had", rejected, paint),
    section("Rejections before", rejected.length > 0 ? [] : earlier, paint),
  ].filter((text) => text !== "");
}

const section = (title: string, lines: readonly string[], paint: Paint): string =>
  lines.length === 0 ? "" : `${paint.bold(title)}\n${lines.map((line) => `  ${line}\n`).join("")}`;
