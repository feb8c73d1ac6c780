/**
 * The kinds of the Gateway API as an API server needs to know them: names and versions, and nothing of what is in them, since documents
 * are valid here and what is not said is as the specification says.
 *
 * @module
 */
import { formatProblem } from "../../../src/base/problem.ts";
import { loadDocuments } from "../../../src/config/load.ts";
import { type ConfigDocument, keyOf } from "./document.ts";

const GROUP = "gateway.networking.k8s.io";

/** Names in paths. */
export const GATEWAY_API_PLURALS = {
  GatewayClass: "gatewayclasses",
  Gateway: "gateways",
  ListenerSet: "listenersets",
  HTTPRoute: "httproutes",
  GRPCRoute: "grpcroutes",
  TLSRoute: "tlsroutes",
  TCPRoute: "tcproutes",
  ReferenceGrant: "referencegrants",
  BackendTLSPolicy: "backendtlspolicies",
} as const;

const VERSIONS = ["v1", "v1beta1", "v1alpha2", "v1alpha3"];
const ANYTHING = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** A list for `kubectl apply`. */
export const gatewayApiKinds = (): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: Object.entries(GATEWAY_API_PLURALS).map(([kind, plural]) => ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: {
        name: `${plural}.${GROUP}`,
        annotations: {
          "api-approved.kubernetes.io": "unapproved, for a test",
          // An istiod looks at it before it reads a kind.
          [`${GROUP}/bundle-version`]: "v1.6.0",
          [`${GROUP}/channel`]: "experimental",
        },
      },
      spec: {
        group: GROUP,
        scope: kind === "GatewayClass" ? "Cluster" : "Namespaced",
        names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: VERSIONS.map((name) => ({
          name,
          served: true,
          storage: name === "v1",
          schema: { openAPIV3Schema: ANYTHING },
          subresources: { status: {} },
        })),
      },
    })),
  });

/**
 * Documents that the API's own definitions would keep out of a cluster, by their key: an istiod that gets them all the same falls. What
 * `config/` refuses of them is held by a suite of its own (`gateway-api-validation`).
 */
export function refusedUnseen(documents: readonly ConfigDocument[]): ReadonlyMap<string, string> {
  const theirs = documents.filter(({ apiVersion }) => apiVersion.startsWith(`${GROUP}/`));
  const { problems } = loadDocuments(theirs.map((it) => ({ file: keyOf(it), text: JSON.stringify(it) })));
  const errors = problems.filter(({ severity }) => severity === "error");
  return new Map(errors.map((problem) => [problem.place.file, formatProblem(problem)]));
}
