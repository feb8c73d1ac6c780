/**
 * What stands in front of a gateway: `gatewayTopology` of Istio's ProxyConfig, in the Mesh document or in a workload's annotation.
 *
 * @module
 */
import { type GatewayTopology, noTopology } from "../model/gateway.ts";
import type { Metadata } from "./document.ts";
import { Node } from "./node.ts";
import { parseYaml } from "./parse-yaml.ts";
import { choice, integer } from "./read-values.ts";

const DETAILS = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"] as const;

/** Envoy's own limit is 2^32; more than a few proxies in a row are a typing error. */
const MAX_PROXIES = 255;

/** Annotation of a workload that holds a ProxyConfig as YAML. */
const ANNOTATION = "proxy.istio.io/config";

export function gatewayTopology(node: Node): GatewayTopology {
  const fields = node.fields({ known: ["numTrustedProxies", "forwardClientCertDetails", "proxyProtocol"] });
  return {
    numTrustedProxies: fields.optional("numTrustedProxies", integer(0, MAX_PROXIES)),
    forwardClientCertDetails: fields.optional("forwardClientCertDetails", choice(DETAILS)),
    proxyProtocol: fields.optional("proxyProtocol", (n) => (n.fields({ known: [] }), true)),
  };
}

/** `gatewayTopology` of a ProxyConfig; its other fields are passed over, with a warning. */
export function proxyConfigTopology(node: Node): GatewayTopology {
  let topology = noTopology;
  for (const [name, at] of node.entries()) {
    if (name === "gatewayTopology") topology = gatewayTopology(at);
    else at.warn("is not read here, and has no effect");
  }
  return topology;
}

/** Of a workload's annotation. Problems stand at `at`, the place of the document, and say where in the annotation. */
export function annotatedTopology({ annotations }: Metadata, at: Node): GatewayTopology {
  const written = annotations[ANNOTATION];
  if (written === undefined) return noTopology;
  const { trees, problems } = parseYaml(at.place.file, written);
  const complain = (path: string, message: string): void =>
    at.fail(`metadata.annotations["${ANNOTATION}"]${path}: ${message}`);
  for (const problem of problems) complain(problem.path, problem.message);
  const [tree] = trees;
  if (tree === undefined) return noTopology;
  return proxyConfigTopology(new Node(tree, ({ path, message }) => complain(path, message)));
}
