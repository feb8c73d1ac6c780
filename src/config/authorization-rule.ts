/**
 * One rule of an AuthorizationPolicy: `from`, `to`, `when`.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { AuthorizationOperation, AuthorizationRule, AuthorizationSource } from "../model/security.ts";
import { authorizationCondition } from "./authorization-condition.ts";
import { isAddressRange, isDnsLabel, isPortText } from "./names.ts";
import type { Fields, Node, Read } from "./node.ts";
import { listOrNothing, someOf, text, textThat } from "./read-values.ts";
import { pathPattern, pattern } from "./string-match.ts";

/** @param namespace Of the policy: where service accounts without a namespace are. */
export function authorizationRule(namespace: string): Read<AuthorizationRule> {
  return (node) => {
    const fields = node.fields({ known: ["from", "to", "when"] });
    return {
      place: node.place,
      from: fields.optional("from", someOf(source(namespace))) ?? [],
      to: fields.optional("to", someOf(operation)) ?? [],
      when: fields.optional("when", someOf(authorizationCondition(serviceAccountText(namespace)))) ?? [],
    };
  };
}

const SOURCE = [
  "principals",
  "notPrincipals",
  "namespaces",
  "notNamespaces",
  "serviceAccounts",
  "notServiceAccounts",
  "ipBlocks",
  "notIpBlocks",
  "remoteIpBlocks",
  "notRemoteIpBlocks",
  "trustDomains",
  "notTrustDomains",
] as const;

const SOURCE_UNSUPPORTED = ["requestPrincipals", "notRequestPrincipals"];

/** The values of a list; empty where the field is absent. */
function all<K extends string, T>(fields: Fields<K>, name: K, read: Read<T>): readonly T[] {
  return fields.optional(name, listOrNothing(read)) ?? [];
}

/** Asks nothing of the caller. */
export const noSource: AuthorizationSource = {
  principals: [],
  notPrincipals: [],
  namespaces: [],
  notNamespaces: [],
  ipBlocks: [],
  notIpBlocks: [],
  remoteIpBlocks: [],
  notRemoteIpBlocks: [],
  trustDomains: [],
  notTrustDomains: [],
};

function source(namespace: string): Read<AuthorizationSource> {
  return (node) => node.fields({ known: ["source"] }).required("source", (n) => readSource(n, namespace), noSource);
}

function readSource(node: Node, namespace: string): AuthorizationSource {
  const fields = node.fields({ known: SOURCE, unsupported: SOURCE_UNSUPPORTED });
  const serviceAccount = serviceAccountOf(namespace);
  refuseEmpty(node, "source");
  const others = (["principals", "notPrincipals", "namespaces", "notNamespaces"] as const).filter((name) =>
    fields.has(name),
  );
  for (const name of ["serviceAccounts", "notServiceAccounts"] as const) {
    if (others.length > 0) fields.at(name)?.failAtKey(`cannot stand beside ${others.join(", ")}`);
  }
  return {
    principals: [...all(fields, "principals", principal), ...all(fields, "serviceAccounts", serviceAccount)],
    notPrincipals: [...all(fields, "notPrincipals", principal), ...all(fields, "notServiceAccounts", serviceAccount)],
    namespaces: all(fields, "namespaces", pattern),
    notNamespaces: all(fields, "notNamespaces", pattern),
    ipBlocks: all(fields, "ipBlocks", addressRange),
    notIpBlocks: all(fields, "notIpBlocks", addressRange),
    remoteIpBlocks: all(fields, "remoteIpBlocks", addressRange),
    notRemoteIpBlocks: all(fields, "notRemoteIpBlocks", addressRange),
    trustDomains: all(fields, "trustDomains", pattern),
    notTrustDomains: all(fields, "notTrustDomains", pattern),
  };
}

const addressRange = textThat(isAddressRange, "an IP address or a range such as 10.0.0.0/8");

function principal(node: Node): StringMatch {
  const match = pattern(node);
  if (match.t !== "present" && match.t !== "regex" && match.value.startsWith("spiffe://")) {
    node.fail("a principal is written without spiffe://, such as cluster.local/ns/default/sa/reviews");
  }
  return match;
}

/** `namespace/name`, or a name of the policy's own namespace: that account in any trust domain, as the end of its principal says. */
function serviceAccountOf(own: string): Read<StringMatch> {
  return (node) => {
    const value = text(node);
    const slash = value.indexOf("/");
    const namespace = slash < 0 ? own : value.slice(0, slash);
    const name = value.slice(slash + 1);
    if (value !== "" && !(isDnsLabel(namespace) && name.split(".").every(isDnsLabel))) {
      node.mustBe("namespace/name of a service account, without wildcards");
    }
    return { t: "suffix", value: `/ns/${namespace}/sa/${name}` };
  };
}

/** `namespace/name`. */
const serviceAccountText =
  (own: string): Read<string> =>
  (node) => {
    const match = serviceAccountOf(own)(node);
    return match.t === "suffix" ? match.value.replace(/^\/ns\//, "").replace("/sa/", "/") : "";
  };

const OPERATION = ["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"] as const;

/** Asks nothing of the call. */
export const noOperation: AuthorizationOperation = {
  hosts: [],
  notHosts: [],
  ports: [],
  notPorts: [],
  methods: [],
  notMethods: [],
  paths: [],
  notPaths: [],
  headers: {},
};

function operation(node: Node): AuthorizationOperation {
  return node.fields({ known: ["operation"] }).required("operation", readOperation, noOperation);
}

function readOperation(node: Node): AuthorizationOperation {
  const fields = node.fields({ known: OPERATION });
  refuseEmpty(node, "operation");
  return {
    hosts: all(fields, "hosts", pattern),
    notHosts: all(fields, "notHosts", pattern),
    ports: all(fields, "ports", portText),
    notPorts: all(fields, "notPorts", portText),
    methods: all(fields, "methods", pattern),
    notMethods: all(fields, "notMethods", pattern),
    paths: all(fields, "paths", pathPattern),
    notPaths: all(fields, "notPaths", pathPattern),
    headers: {},
  };
}

/** What asks nothing matches all: Istio refuses it here, since leaving it out says the same plainly. */
function refuseEmpty(node: Node, what: string): void {
  if (node.tree.t !== "map") return;
  const asks = [...node.tree.entries.values()].some(({ value }) => value.t !== "list" || value.items.length > 0);
  if (!asks) node.fail(`${what} must ask for something; leave it out to match all`);
}

/** Istio writes ports as text here. */
function portText(node: Node): number {
  return Number(textThat(isPortText, 'a port as text, such as "8080"')(node)) || 1;
}
