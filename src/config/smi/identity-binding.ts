/**
 * SMI IdentityBinding, v1alpha4: the identities of a workload under one name, to which TrafficTargets refer.
 *
 * @module
 */
import type { LabelSelector } from "../../model/match.ts";
import type { Origin } from "../../model/origin.ts";
import { type DocumentBody, specFields } from "../document.ts";
import { labels, objectName } from "../names.ts";
import type { Node } from "../node.ts";
import { someOf, text, textThat } from "../read-values.ts";

/** Each scheme is one more way to be meant. */
export interface IdentityBinding {
  readonly origin: Origin;
  /** Of its own namespace, as the others. */
  readonly selectors: readonly LabelSelector[];
  readonly serviceAccount: string | undefined;
  /** Without the `spiffe://` in front. */
  readonly spiffeIdentities: readonly string[];
}

const SCHEMES = ["podLabelSelectors", "spiffeIdentities", "serviceAccount"] as const;

export function readIdentityBinding(body: DocumentBody): IdentityBinding {
  const spec = specFields(body, ["schemes"]);
  const nothing = { selectors: [], serviceAccount: undefined, spiffeIdentities: [] };
  return { origin: body.origin, ...spec.required("schemes", schemes, nothing) };
}

function schemes(node: Node): Omit<IdentityBinding, "origin"> {
  const fields = node.fields({ known: SCHEMES });
  fields.oneOrMoreOf(SCHEMES);
  if (fields.has("podLabelSelectors"))
    fields.at("serviceAccount")?.failAtKey("cannot stand beside podLabelSelectors: pods are meant by one or the other");
  return {
    selectors: fields.optional("podLabelSelectors", someOf(podLabels)) ?? [],
    serviceAccount: fields.optional("serviceAccount", objectName),
    spiffeIdentities: fields.optional("spiffeIdentities", someOf(spiffeIdentity)) ?? [],
  };
}

function podLabels(node: Node): LabelSelector {
  const fields = node.fields({ known: ["name", "matchLabels"], unsupported: ["matchExpressions"] });
  fields.optional("name", text);
  const wanted = fields.required("matchLabels", labels, {});
  if (Object.keys(wanted).length === 0) fields.at("matchLabels")?.fail("must have at least one label");
  return wanted;
}

const identity = textThat(
  (v) => /^(spiffe:\/\/)?[a-z0-9._-]+(\/[A-Za-z0-9._-]+)+$/.test(v),
  "an identity such as cluster.local/ns/default/sa/shop",
);

const spiffeIdentity = (node: Node): string => identity(node).replace(/^spiffe:\/\//, "");
