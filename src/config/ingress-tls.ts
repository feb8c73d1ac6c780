/**
 * `tls` of a Sidecar's ingress listener: certificates in files, for clients that are not of the mesh.
 *
 * Source: Istio's validation: ports of protocol HTTPS and TLS; neither redirects, Secrets, names of clients nor several certificates, and
 * modes of the mesh's own TLS not either. PASSTHROUGH says nothing here and is refused.
 *
 * @module
 */
import type { GatewayTls } from "../model/gateway.ts";
import type { Protocol } from "../model/service.ts";
import type { DocumentBody } from "./document.ts";
import { gatewayTls } from "./gateway-tls.ts";
import type { Node } from "./node.ts";
import { quote } from "./tree.ts";

const NOT_HERE: readonly string[] = [
  "httpsRedirect",
  "credentialName",
  "credentialNames",
  "caCertCredentialName",
  "tlsCertificates",
  "subjectAltNames",
];
const MODES: readonly string[] = ["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"];

/** Undefined where it cannot stand. */
export function ingressTls(node: Node, protocol: Protocol, body: DocumentBody): GatewayTls | undefined {
  if (protocol !== "https" && protocol !== "tls") {
    node.failAtKey("needs a port of protocol HTTPS or TLS: nothing else is encrypted");
    return undefined;
  }
  const given = node.tree.t === "map" ? node.entries() : [];
  for (const [name, at] of given) if (NOT_HERE.includes(name)) at.failAtKey("cannot stand in a Sidecar: name files");
  const [, mode] = given.find(([name]) => name === "mode") ?? [];
  const written = mode?.tree.t === "scalar" ? mode.tree.value : "SIMPLE";
  if (typeof written === "string" && !MODES.includes(written))
    mode?.fail(`must be one of ${MODES.join(", ")} in a Sidecar, found ${quote(written)}`);
  const mayBeRead = given.every(([name]) => !NOT_HERE.includes(name)) && MODES.includes(String(written));
  return mayBeRead ? gatewayTls(node, protocol === "https" ? "HTTPS" : "TLS", body) : undefined;
}
