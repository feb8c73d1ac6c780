/**
 * Listeners, of a Gateway or of a ListenerSet.
 *
 * @module
 */
import type { Listener, ListenerTls } from "../../model/gateway-api/gateway.ts";
import { GATEWAY_GROUP, type GroupKind, type NamespaceChoice } from "../../model/gateway-api/reference.ts";
import { textMap } from "../names.ts";
import type { Fields, Node, Read } from "../node.ts";
import { choice, port, textThat } from "../read-values.ts";
import { namespaceChoice } from "./label-query.ts";
import { listOf } from "./lists.ts";
import { groupName, hostname, kindName, sectionName } from "./names.ts";
import { fieldPlace, toSecret } from "./references.ts";

const CORE_PROTOCOLS = ["HTTP", "HTTPS", "TLS", "TCP", "UDP"];
const MAX_LISTENERS = 64;

/** @param min A Gateway's own list may be left to ListenerSets. */
export function listeners(namespace: string, min: number): Read<readonly Listener[]> {
  const named = listOf(listener(namespace), { min, max: MAX_LISTENERS, key: (l) => l.name });
  return (node) => {
    const read = named(node);
    const seen = new Set<string>();
    read.forEach((l, i) => {
      const key = `${l.port} ${l.protocol} ${l.hostname ?? ""}`;
      if (seen.has(key)) node.items()[i]?.fail("another listener has the same port, protocol and hostname");
      seen.add(key);
    });
    return read;
  };
}

/** Other protocols than the core ones have a domain in front, or are not known to anybody: status says so. */
const protocol = textThat(
  (v) => /^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?|[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]+)$/.test(v),
  `a protocol: ${CORE_PROTOCOLS.join(", ")}`,
);

const FIELDS = ["name", "hostname", "port", "protocol", "tls", "allowedRoutes"] as const;

const listener =
  (namespace: string): Read<Listener> =>
  (node) => {
    const fields = node.fields({ known: FIELDS });
    const written = fields.required("protocol", protocol, "HTTP");
    const upper = written.toUpperCase();
    const known = CORE_PROTOCOLS.includes(upper) ? upper : written;
    const tls = fields.optional("tls", listenerTls(namespace));
    checkTls(fields, known);
    const allowed = fields.optional("allowedRoutes", allowedRoutes);
    return {
      at: fieldPlace(node),
      name: fields.required("name", sectionName, ""),
      hostname: fields.optional("hostname", hostname),
      port: fields.required("port", port, 1),
      protocol: known,
      tls,
      allowedNamespaces: allowed?.namespaces ?? { t: "Same" },
      allowedKinds: allowed?.kinds,
    };
  };

function checkTls(fields: Fields<(typeof FIELDS)[number]>, protocol: string): void {
  const tls = fields.at("tls");
  const mode = tls?.tree.t === "map" ? tls.tree.entries.get("mode")?.value : undefined;
  if (["HTTP", "TCP", "UDP"].includes(protocol)) tls?.failAtKey(`cannot stand with the protocol ${protocol}`);
  if (protocol === "HTTPS" && mode?.t === "scalar" && mode.value === "Passthrough")
    tls?.fail("mode must be Terminate with the protocol HTTPS: what is passed through is TLS");
  if (protocol === "TLS" && mode === undefined && fields.node.tree.t === "map")
    (tls ?? fields.node).fail("tls.mode is missing: with the protocol TLS it is Terminate or Passthrough");
  if (["TCP", "UDP"].includes(protocol))
    fields.at("hostname")?.failAtKey(`cannot stand with the protocol ${protocol}, which carries no names`);
}

const listenerTls =
  (namespace: string): Read<ListenerTls> =>
  (node) => {
    const fields = node.fields({ known: ["mode", "certificateRefs", "options"] });
    const mode = fields.optional("mode", choice(["Terminate", "Passthrough"])) ?? "Terminate";
    const certificateRefs = fields.optional("certificateRefs", listOf(toSecret(namespace), { max: 64 })) ?? [];
    const options = fields.optional("options", tlsOptions) ?? {};
    if (mode === "Terminate" && certificateRefs.length + Object.keys(options).length === 0 && node.tree.t === "map")
      node.fail("must have certificateRefs: the mode is Terminate");
    return { at: fieldPlace(node), mode, certificateRefs, options };
  };

/** Names with a domain in front, which implementations define. */
export const tlsOptions = textMap((key, at) => {
  if (!/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(key))
    at.failAtKey("must be named like an annotation, such as example.com/option");
});

function allowedRoutes(node: Node): {
  readonly namespaces: NamespaceChoice | undefined;
  readonly kinds: readonly GroupKind[] | undefined;
} {
  const fields = node.fields({ known: ["namespaces", "kinds"] });
  const kinds = fields.optional("kinds", listOf(routeKind, { max: 8 }));
  return {
    namespaces: fields.optional("namespaces", namespaceChoice(["All", "Selector", "Same"], "Same")),
    kinds: kinds === undefined || kinds.length === 0 ? undefined : kinds,
  };
}

function routeKind(node: Node): GroupKind {
  const fields = node.fields({ known: ["group", "kind"] });
  return {
    group: fields.optional("group", groupName) ?? GATEWAY_GROUP,
    kind: fields.required("kind", kindName, ""),
  };
}
