/**
 * SPIFFE IDs: `spiffe://<trust domain>/<path>`, for a workload `spiffe://<trust domain>/ns/<ns>/sa/<sa>` as Istio has it.
 *
 * Source: SPIFFE-ID standard, sections 2.1 to 2.3: lower case trust domain of at most 255 octets, path segments of
 * letters, digits, `.`, `-` and `_`, none empty, `.` or `..`, no trailing slash, no percent-encoding, no port,
 * user, query or fragment, 2048 octets in all. Nothing is normalised: what is not in this form is refused.
 *
 * @module
 */
import { CredentialError } from "./credential-error.ts";

/** A SPIFFE ID that was checked. Two are the same when their `uri` is. */
export interface SpiffeId {
  readonly uri: string;
  readonly trustDomain: string;
  /** Empty, or begins with `/`. */
  readonly path: string;
}

const SCHEME = "spiffe://";
const MAX_URI_OCTETS = 2048;
const MAX_TRUST_DOMAIN_OCTETS = 255;
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[A-Za-z0-9._-]+$/;
const WORKLOAD_PATH = /^\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** @throws {CredentialError} If `uri` is not a SPIFFE ID; a path is not asked for. */
export function parseSpiffeId(uri: string): SpiffeId {
  const shown = JSON.stringify(uri.slice(0, 200));
  if (uri.length > MAX_URI_OCTETS)
    throw new CredentialError(`SPIFFE ID must be at most ${MAX_URI_OCTETS} octets: found ${uri.length} in ${shown}`);
  if (!uri.startsWith(SCHEME)) throw new CredentialError(`SPIFFE ID must begin with ${SCHEME}: found ${shown}`);
  const slash = uri.indexOf("/", SCHEME.length);
  const trustDomain = parseTrustDomain(slash < 0 ? uri.slice(SCHEME.length) : uri.slice(SCHEME.length, slash));
  const path = slash < 0 ? "" : uri.slice(slash);
  for (const segment of path.split("/").slice(1)) {
    if (!SEGMENT.test(segment) || segment === "." || segment === "..")
      throw new CredentialError(
        `SPIFFE ID path segments must be of A-Z a-z 0-9 . - _ and not empty, "." or "..": found ${JSON.stringify(segment.slice(0, 100))} in ${shown}`,
      );
  }
  return { uri, trustDomain, path };
}

/** @throws {CredentialError} If `name` is not a trust domain name. */
export function parseTrustDomain(name: string): string {
  if (name.length > MAX_TRUST_DOMAIN_OCTETS || !TRUST_DOMAIN.test(name))
    throw new CredentialError(
      `trust domain must be 1 to ${MAX_TRUST_DOMAIN_OCTETS} of a-z 0-9 . - _: found ${JSON.stringify(name.slice(0, 300))}`,
    );
  return name;
}

/** The identity of a workload from its trust domain, namespace and service account. */
export function workloadSpiffeId(trustDomain: string, namespace: string, serviceAccount: string): SpiffeId {
  const id = parseSpiffeId(`${SCHEME}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
  if (id.trustDomain !== trustDomain || workloadOf(id)?.serviceAccount !== serviceAccount)
    throw new CredentialError(
      `a namespace and a service account must be one path segment each: found ${JSON.stringify(id.uri)}`,
    );
  return id;
}

/** The identity of a trust domain's own authority: no path. */
export const trustDomainSpiffeId = (trustDomain: string): SpiffeId => parseSpiffeId(SCHEME + trustDomain);

/** Namespace and service account, or `undefined` for an ID of another form. */
export function workloadOf(id: SpiffeId): { readonly namespace: string; readonly serviceAccount: string } | undefined {
  const [, namespace, serviceAccount] = WORKLOAD_PATH.exec(id.path) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}
