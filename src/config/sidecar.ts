/**
 * Sidecar to the model. Source: networking.istio.io Sidecar and Istio's validation of it.
 *
 * Not read yet, and refused: `outboundTrafficPolicy.egressProxy`. Differs: the number of a port at a unix socket may be given there, too,
 * for HTTP; opaque bytes need it.
 *
 * @module
 */
import type { EgressHost, EgressListener, IngressListener, Sidecar } from "../model/sidecar.ts";
import { type Protocol, UNIX_PREFIX } from "../model/service.ts";
import { connectionPool } from "./connection-pool.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { ingressTls } from "./ingress-tls.ts";
import { outboundTrafficPolicy } from "./mesh-settings.ts";
import { isAddress, isDnsLabel, isHost, labels } from "./names.ts";
import { unixSocket } from "./endpoint.ts";
import type { Node, Read } from "./node.ts";
import { choice, integer, port, text } from "./read-values.ts";
import { portProtocol } from "./service-entry.ts";

const FIELDS = ["workloadSelector", "egress", "ingress", "inboundConnectionPool", "outboundTrafficPolicy"] as const;
const HTTP_PROXY = "HTTP_PROXY";
/** What a listener binds to that nothing is captured for. */
const LOOPBACK = "127.0.0.1";

export function readSidecar(body: DocumentBody): Sidecar {
  const spec = specFields(body, FIELDS);
  const workloadSelector = spec.optional("workloadSelector", selectedLabels);
  if (workloadSelector === undefined && spec.has("ingress") && body.metadata.namespace === body.settings.rootNamespace)
    spec.at("ingress")?.failAtKey("cannot stand in the default of the whole mesh: its ports are no workload's");
  return {
    origin: body.origin,
    workloadSelector,
    egress: egressListeners(spec.at("egress")),
    ingress: ingressListeners(spec.at("ingress"), body),
    inboundConnectionPool: spec.optional("inboundConnectionPool", connectionPool),
    outboundTrafficPolicy: spec.optional("outboundTrafficPolicy", outboundTrafficPolicy),
  };
}

/** `workloadSelector.labels`. */
function selectedLabels(node: Node): Sidecar["workloadSelector"] {
  const wanted = node.fields({ known: ["labels"] }).optional("labels", labels) ?? {};
  if (Object.keys(wanted).length > 0) return wanted;
  node.warn("has no labels, so it selects every workload");
  return undefined;
}

function egressListeners(node: Node | undefined): readonly EgressListener[] {
  const items = node?.items() ?? [];
  const listeners = items.map(egressListener);
  const seen = new Set<string>();
  for (const [i, { bind, port: at }] of listeners.entries()) {
    const key = at === undefined ? "all" : `${bind ?? ""} ${at.number}`;
    if (seen.has(key))
      items[i]?.fail(
        at === undefined ? "only one listener may be without a port" : `the port ${at.number} stands twice`,
      );
    if (at === undefined && i < listeners.length - 1) items[i]?.fail("a listener without a port must be the last one");
    seen.add(key);
  }
  return listeners;
}

function egressListener(node: Node): EgressListener {
  const fields = node.fields({ known: ["port", "bind", "captureMode", "hosts"] });
  const at = fields.optional("port", egressPort(isUnixBind(fields.at("bind"))));
  const mode = fields.optional("captureMode", choice(["DEFAULT", "IPTABLES", "NONE"])) ?? "DEFAULT";
  const bind = fields.optional("bind", bindAddress);
  if (at === undefined && bind !== undefined) fields.at("bind")?.failAtKey('needs a "port" beside it');
  const hosts = fields.required("hosts", (n) => n.items().map(egressHost), []);
  if (hosts.length === 0 && fields.has("hosts")) fields.at("hosts")?.fail('must have at least one host; "~/*" is none');
  const open = at !== undefined && (bind !== undefined || mode === "NONE");
  const place = { place: node.place, port: at, hosts };
  return open
    ? { ...place, bind: bind ?? LOOPBACK, ...(mode === "NONE" ? {} : { isCaptured: true }) }
    : { ...place, bind: undefined };
}

const isUnixBind = (bind: Node | undefined): boolean =>
  bind?.tree.t === "scalar" && String(bind.tree.value).startsWith(UNIX_PREFIX);

/** @param atUnix At a unix socket, where 0 stands for every port. */
const egressPort =
  (atUnix: boolean): Read<NonNullable<EgressListener["port"]>> =>
  (node) => {
    const fields = node.fields({ known: ["number", "protocol", "name", "targetPort"] });
    fields.optional("name", text);
    fields.at("targetPort")?.warn("has no effect on an egress listener");
    const number = fields.required("number", atUnix ? integer(0, MAX_PORT) : port, 1);
    const protocol = fields.required("protocol", (n) => (isHttpProxy(n) ? "http-proxy" : portProtocol(n)), "auto");
    if (number === 0 && protocol !== "http-proxy" && !isHttp(protocol))
      fields.at("number")?.fail(`must be a port of a service: nothing else says where ${protocol} goes`);
    return { number, protocol };
  };

const MAX_PORT = 65_535;
const isHttp = (protocol: Protocol): boolean => ["http", "http2", "grpc"].includes(protocol);

const isHttpProxy = ({ tree }: Node): boolean =>
  tree.t === "scalar" && typeof tree.value === "string" && tree.value.toUpperCase() === HTTP_PROXY;

function bindAddress(node: Node): string {
  const value = text(node);
  if (unixSocket(value, node) === undefined && value !== "" && !isAddress(value))
    node.mustBe("an IP address to listen on");
  return value;
}

/** `namespace/host`, with `*` or `.` for the namespace; `~namespace/host` leaves out, and `~/host` leaves out of all. */
function egressHost(node: Node): EgressHost {
  const written = text(node);
  const slash = written.indexOf("/");
  const excluded = written.startsWith("~");
  const named = written.slice(excluded ? 1 : 0, Math.max(slash, 0));
  const namespace = excluded && named === "" ? "*" : named;
  const host = written.slice(slash + 1).toLowerCase();
  const isKnown = ["*", "."].includes(namespace) || isDnsLabel(namespace);
  if (written !== "" && (slash < 0 || !isKnown || (!isHost(host, true) && !isAddress(host))))
    node.mustBe('namespace/host, with "*", "." or "~" for the namespace, and a host name, a wildcard or "*"');
  return { namespace, host, excluded };
}

function ingressListeners(node: Node | undefined, body: DocumentBody): readonly IngressListener[] {
  const items = node?.items() ?? [];
  const seen = new Set<number>();
  return items.map((item) => {
    const listener = ingressListener(item, body);
    if (seen.has(listener.port)) item.fail(`the port ${listener.port} stands twice`);
    seen.add(listener.port);
    return listener;
  });
}

function ingressListener(node: Node, body: DocumentBody): IngressListener {
  const fields = node.fields({
    known: ["port", "bind", "captureMode", "defaultEndpoint", "connectionPool", "tls"],
  });
  fields.optional("captureMode", choice(["DEFAULT", "IPTABLES", "NONE"]));
  // The proxy listens where the workload's port is, whatever is written.
  if (fields.optional("bind", bindAddress) !== undefined)
    fields.at("bind")?.warn("has no effect: the proxy listens at the workload's own port");
  const at = fields.required("port", ingressPort, { port: 1, protocol: "auto" as const });
  return {
    place: node.place,
    ...at,
    defaultEndpoint: fields.optional("defaultEndpoint", endpoint),
    connectionPool: fields.optional("connectionPool", connectionPool),
    tls: fields.optional("tls", (tls) => ingressTls(tls, at.protocol, body)),
  };
}

function ingressPort(node: Node): { readonly port: number; readonly protocol: Protocol } {
  const fields = node.fields({ known: ["number", "protocol", "name", "targetPort"] });
  fields.optional("name", text);
  fields.at("targetPort")?.warn("has no effect, and Istio has given it up");
  return {
    port: fields.required("number", port, 1),
    protocol: fields.required("protocol", portProtocol, "auto"),
  };
}

/** `127.0.0.1:8080`, `[::1]:8080`, or `0.0.0.0` and `[::]` for the workload's own address. */
function endpoint(node: Node): IngressListener["defaultEndpoint"] {
  const written = text(node);
  const path = unixSocket(written, node);
  if (path !== undefined) return { path };
  const [, address = "", number = ""] = /^(127\.0\.0\.1|\[::1\]|0\.0\.0\.0|\[::\]):(\d{1,5})$/.exec(written) ?? [];
  const at = Number(number);
  if (address !== "" && at >= 1 && at <= 65_535) return { address: address.replace(/^\[|\]$/g, ""), port: at };
  if (written !== "")
    node.mustBe("127.0.0.1, [::1], 0.0.0.0 or [::] with a port, such as 127.0.0.1:8080, or unix:///path");
  return undefined;
}
