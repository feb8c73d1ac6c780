/**
 * What names look like in the Gateway API. Source: the patterns of its custom resource definitions.
 *
 * @module
 */
import { isAddress, isDnsLabel, isHeaderName } from "../names.ts";
import type { Read } from "../node.ts";
import { textThat } from "../read-values.ts";

const isDottedName = (name: string): boolean => name.length <= 253 && name.split(".").every(isDnsLabel);

/** Without a wildcard. */
export const preciseHostname = textThat(
  (v) => isDottedName(v) && !isAddress(v),
  "a host name in lower case, without a port",
);

/** A host name, or a wildcard such as `*.example.com`. */
export const hostname: Read<string> = textThat(
  (v) => isDottedName(v.replace(/^\*\./, "")) && !isAddress(v),
  "a host name in lower case, or a wildcard such as *.example.com",
);

export const groupName = textThat(
  (v) => v === "" || isDottedName(v),
  'an API group such as gateway.networking.k8s.io, or "" for Kubernetes\' core',
);

export const kindName = textThat(
  (v) => v.length <= 63 && /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(v),
  "a kind such as Service",
);

/** A listener, a rule, or a port of a Service. */
export const sectionName = textThat(
  isDottedName,
  "lower-case letters, digits, dashes and dots, with a letter or digit at both ends of each part",
);

/** Of another object: a label of Kubernetes' or not. */
export const referredName = textThat((v) => v !== "" && v.length <= 253 && !v.includes("/"), "a name");

export const namespaceName = textThat(isDnsLabel, "a namespace: lower-case letters, digits and dashes");

export const headerName = textThat(isHeaderName, "a header's name");

/** `example.com/gateway-controller`. */
export const controllerName = textThat(
  (v) => v.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(v),
  "a domain with a path, such as tulle.dev/gateway-controller",
);
