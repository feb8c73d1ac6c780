/**
 * Kubernetes' Gateway, and the ListenerSets that add listeners to it.
 *
 * @module
 */
import type {
  FrontendValidation,
  GatewayAddress,
  GatewayInfrastructure,
  GatewayTlsPolicy,
  KubernetesGateway,
  ListenerSet,
} from "../../model/gateway-api/gateway.ts";
import { GATEWAY_GROUP, type NamespaceChoice } from "../../model/gateway-api/reference.ts";
import { type DocumentBody, specFields } from "../document.ts";
import { isAddress, labels, textMap } from "../names.ts";
import type { Node, Read } from "../node.ts";
import { anyText, choice, port, textThat } from "../read-values.ts";
import { namespaceChoice } from "./label-query.ts";
import { listeners } from "./listener.ts";
import { listOf } from "./lists.ts";
import { hostname, referredName } from "./names.ts";
import { fieldPlace, localReference, objectMeta, objectReference, toSecret } from "./references.ts";

const FIELDS = [
  "gatewayClassName",
  "listeners",
  "addresses",
  "infrastructure",
  "allowedListeners",
  "tls",
  "defaultScope",
] as const;

export function readKubernetesGateway(body: DocumentBody): KubernetesGateway {
  const { namespace } = body.metadata;
  const spec = specFields(body, FIELDS);
  spec.at("defaultScope")?.unsupported();
  return {
    meta: objectMeta(body),
    className: spec.required("gatewayClassName", referredName, ""),
    addresses:
      spec.optional("addresses", listOf(address, { max: 16, key: (a) => a.value && `${a.type} ${a.value}` })) ?? [],
    listeners: spec.required("listeners", listeners(namespace, 0), []),
    allowedListeners: spec.optional("allowedListeners", allowedListeners) ?? { t: "None" },
    infrastructure: spec.optional("infrastructure", infrastructure(namespace)) ?? NO_INFRASTRUCTURE,
    tls: spec.optional("tls", gatewayTls(namespace)) ?? NO_TLS,
  };
}

export function readListenerSet(body: DocumentBody): ListenerSet {
  const { namespace } = body.metadata;
  const spec = specFields(body, ["parentRef", "listeners"]);
  const at = fieldPlace(body.node);
  const toGateway = objectReference(namespace, { group: GATEWAY_GROUP, kind: "Gateway" });
  return {
    meta: objectMeta(body),
    parent: spec.required("parentRef", toGateway, { at, group: "", kind: "", namespace, name: "" }),
    listeners: spec.required("listeners", listeners(namespace, 1), []),
  };
}

const NO_INFRASTRUCTURE: GatewayInfrastructure = { labels: {}, annotations: {}, parametersRef: undefined };
const NO_TLS: GatewayTlsPolicy = {
  backendClientCertificate: undefined,
  frontendDefault: undefined,
  frontendByPort: new Map(),
};

const addressType = textThat(
  (v) => v === "Hostname" || v === "IPAddress" || v === "NamedAddress" || /^[a-z0-9.-]+\/[A-Za-z0-9._~/-]+$/.test(v),
  "one of IPAddress, Hostname, NamedAddress, or a type with a domain in front",
);

function address(node: Node): GatewayAddress {
  const fields = node.fields({ known: ["type", "value"] });
  const type = fields.optional("type", addressType) ?? "IPAddress";
  const value = fields.optional("value", anyText) || undefined;
  if (type === "IPAddress" && value !== undefined && !isAddress(value))
    fields.at("value")?.mustBe("an address such as 10.0.0.1, since the type is IPAddress");
  if (type === "Hostname" && value !== undefined) fields.optional("value", hostname);
  return { at: fieldPlace(node), type, value };
}

function allowedListeners(node: Node): NamespaceChoice {
  const fields = node.fields({ known: ["namespaces"] });
  return fields.optional("namespaces", namespaceChoice(["All", "Selector", "Same", "None"], "None")) ?? { t: "None" };
}

const annotations = textMap(() => {});

const infrastructure =
  (namespace: string): Read<GatewayInfrastructure> =>
  (node) => {
    const fields = node.fields({ known: ["labels", "annotations", "parametersRef"] });
    const parameters = localReference(namespace, { group: undefined, kind: undefined });
    return {
      labels: fields.optional("labels", labels) ?? {},
      annotations: fields.optional("annotations", annotations) ?? {},
      parametersRef: fields.optional("parametersRef", parameters),
    };
  };

const gatewayTls =
  (namespace: string): Read<GatewayTlsPolicy> =>
  (node) => {
    const fields = node.fields({ known: ["backend", "frontend"] });
    const backend = fields.optional("backend", (n) =>
      n.fields({ known: ["clientCertificateRef"] }).optional("clientCertificateRef", toSecret(namespace)),
    );
    const frontend = fields.optional("frontend", frontendTls(namespace));
    return {
      backendClientCertificate: backend,
      frontendDefault: frontend?.byDefault,
      frontendByPort: frontend?.byPort ?? new Map(),
    };
  };

interface Frontend {
  readonly byDefault: FrontendValidation | undefined;
  readonly byPort: GatewayTlsPolicy["frontendByPort"];
}

const frontendTls =
  (namespace: string): Read<Frontend> =>
  (node) => {
    const fields = node.fields({ known: ["default", "perPort"] });
    const tls = tlsConfig(namespace);
    const perPort = listOf(
      (n) => {
        const of = n.fields({ known: ["port", "tls"] });
        return { port: of.required("port", port, 1), tls: of.required("tls", tls, undefined) };
      },
      { max: 64, key: (p) => String(p.port) },
    );
    const read = fields.optional("perPort", perPort) ?? [];
    return {
      byDefault: fields.required("default", tls, undefined),
      byPort: new Map(read.map((p) => [p.port, p.tls] as const)),
    };
  };

const tlsConfig =
  (namespace: string): Read<FrontendValidation | undefined> =>
  (node) =>
    node.fields({ known: ["validation"] }).optional("validation", (n): FrontendValidation => {
      const fields = n.fields({ known: ["caCertificateRefs", "mode"] });
      const refs = listOf(objectReference(namespace, { group: undefined, kind: undefined }), { min: 1, max: 8 });
      return {
        at: fieldPlace(n),
        caCertificateRefs: fields.required("caCertificateRefs", refs, []),
        mode: fields.optional("mode", choice(["AllowValidOnly", "AllowInsecureFallback"])) ?? "AllowValidOnly",
      };
    });
