/**
 * What to do about a problem, where its message alone does not say it.
 *
 * @module
 */
import type { Problem } from "../base/problem.ts";

/** By Istio's code, which stands at the end of a message in brackets. */
const BY_CODE: Readonly<Record<string, string>> = {
  IST0101:
    "check the name for a typing error, or add the document that defines it; a name without a dot is looked for in the rule's own namespace",
  IST0109: "put all rules of a host into one VirtualService, or one TrafficSplit",
  IST0112: "write destination: {host: …, port: {number: …}}",
  IST0127: "compare it with metadata.labels of the Workload documents in the same namespace",
  IST0128: "name a file of CA certificates with caCertificates",
  IST0129: "name a file of CA certificates with caCertificates",
  IST0130: "put the narrower rule first: the first rule that matches decides",
  IST0131: "put the narrower match first: the first rule that matches decides",
  IST0173: "compare it with metadata.labels of the Workload documents that the service selects",
  IST0174: "check the name for a typing error, or add the Service",
};

/** By the Gateway API's reason, which stands there likewise. */
const BY_REASON: Readonly<Record<string, string>> = {
  NoMatchingParent:
    "compare sectionName and port of the parentRef with the listeners of the Gateway, or the ports of the Service",
  NoMatchingListenerHostname:
    "compare hostnames of the route with hostname of the listener: *.example.com takes in a.example.com, not example.com",
  NotAllowedByListeners:
    "see allowedRoutes of the listener: without it, only routes of the Gateway's own namespace and of its protocol are let in",
  NotAllowed: "see allowedListeners of the Gateway: without it, no ListenerSet is let in",
  RefNotPermitted:
    "add a ReferenceGrant to the namespace of the object: from the kind and namespace of this document, to the kind of the object",
  BackendNotFound: "check the name, the namespace and the port for a typing error, or add the Service",
  InvalidCertificateRef: "name a Secret of type kubernetes.io/tls with tls.crt and tls.key",
  ProtocolConflict: "give the listeners different ports",
  HostnameConflict: "give the listeners different hostnames, or different ports",
};

const BY_MESSAGE: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /^(unknown kind|the kind \w+ (must have|belongs))/,
    "a document begins with apiVersion and kind, such as networking.istio.io/v1 and VirtualService",
  ],
  [
    /is not supported yet/,
    "the document is left out as a whole, since part of it would mean something else than was written",
  ],
  [/^not YAML: /, "look at the indentation and the quotes of this line and the one before it"],
  [/^must be text \(put it in quotes\)/, 'YAML reads 1, true and null as values; "1" is text'],
  [/weights must sum to/, "write weight: on each destination; weights are relative and need not sum to 100"],
  [/is there already: see/, "two documents of one kind need different names or namespaces"],
  [/no Service has the host .* so these rules meet no calls/, "check the name for a typing error, or add the Service"],
  [/^no Service selects this workload/, "compare its labels with spec.selector of the services in the same namespace"],
  [/names no protocol|has no name or appProtocol/, "routes, retries and HTTP policies hold on HTTP ports only"],
];

/** A hint for the problem, where there is one. */
export function hintFor(problem: Problem): string | undefined {
  const code = /\[(IST\d{4}|[A-Z][A-Za-z]+)\]/.exec(problem.message)?.[1] ?? "";
  return BY_CODE[code] ?? BY_REASON[code] ?? BY_MESSAGE.find(([pattern]) => pattern.test(problem.message))?.[1];
}
