/**
 * BackendTLSPolicy: TLS to backends, and what they must show.
 *
 * @module
 */
import type {
  BackendSubjectAltName,
  BackendTlsPolicy,
  BackendTlsValidation,
  PolicyTarget,
} from "../../model/gateway-api/policy.ts";
import { type DocumentBody, specFields } from "../document.ts";
import type { Node, Read } from "../node.ts";
import { choice, textThat } from "../read-values.ts";
import { tlsOptions } from "./listener.ts";
import { listOf } from "./lists.ts";
import { groupName, hostname, kindName, preciseHostname, referredName, sectionName } from "./names.ts";
import { fieldPlace, localReference, objectMeta } from "./references.ts";

export function readBackendTlsPolicy(body: DocumentBody): BackendTlsPolicy {
  const spec = specFields(body, ["targetRefs", "validation", "options"]);
  const targets = listOf(target, { min: 1, max: 16, key: (t) => `${t.kind} ${t.name} ${t.sectionName ?? ""}` });
  return {
    meta: objectMeta(body),
    targets: spec.required("targetRefs", targets, []),
    validation: spec.required("validation", validation(body.metadata.namespace), NOTHING),
    options: spec.optional("options", tlsOptions) ?? {},
  };
}

const NOTHING: BackendTlsValidation = { hostname: "", caCertificateRefs: [], subjectAltNames: [] };

function target(node: Node): PolicyTarget {
  const fields = node.fields({ known: ["group", "kind", "name", "sectionName"] });
  return {
    at: fieldPlace(node),
    group: fields.required("group", groupName, ""),
    kind: fields.required("kind", kindName, ""),
    name: fields.required("name", referredName, ""),
    sectionName: fields.optional("sectionName", sectionName),
  };
}

const validation =
  (namespace: string): Read<BackendTlsValidation> =>
  (node) => {
    const fields = node.fields({
      known: ["caCertificateRefs", "wellKnownCACertificates", "hostname", "subjectAltNames"],
    });
    const refs = listOf(localReference(namespace, { group: undefined, kind: undefined }), { max: 8 });
    const caCertificateRefs = fields.optional("caCertificateRefs", refs) ?? [];
    const wellKnown = fields.optional("wellKnownCACertificates", choice(["System"]));
    if ((wellKnown === undefined) === (caCertificateRefs.length === 0) && node.tree.t === "map")
      node.fail("must have either caCertificateRefs or wellKnownCACertificates: System");
    return {
      hostname: fields.required("hostname", preciseHostname, ""),
      caCertificateRefs,
      subjectAltNames: fields.optional("subjectAltNames", listOf(subjectAltName, { max: 5 })) ?? [],
    };
  };

const absoluteUri = textThat(
  (v) => v.length <= 253 && /^[^:/?#]+:\S+$/.test(v),
  "a URI with its scheme, such as spiffe://cluster.local/ns/default/sa/reviews",
);

function subjectAltName(node: Node): BackendSubjectAltName {
  const fields = node.fields({ known: ["type", "hostname", "uri"] });
  const t = fields.required("type", choice(["Hostname", "URI"]), "Hostname");
  if (t === "Hostname") fields.at("uri")?.failAtKey("cannot stand beside the type Hostname");
  else fields.at("hostname")?.failAtKey("cannot stand beside the type URI");
  const value = t === "Hostname" ? fields.required("hostname", hostname, "") : fields.required("uri", absoluteUri, "");
  return { t, value };
}
