/**
 * What a connection manager does to the headers of a client before anything is decided by them: takes off those by which
 * only callers of the mesh's inside may ask for something, and says who the client is.
 *
 * Source: Envoy 1.40, `use_remote_address`, `xff_num_trusted_hops`, `skip_xff_append`, `append_x_forwarded_port`,
 * `internal_address_config`, `headers_with_underscores_action`, `internal_only_headers`, tried on a real one. A client is
 * outside unless it is known to be inside, and an edge is a connection manager that uses the connection's own address.
 *
 * @module
 */
import type { HttpSettings } from "../engine/http/settings.ts";
import type { PeerView } from "../engine/request.ts";
import { ID, KNOWN_COUNT, type KnownName } from "../wire/http1/known.ts";
import type { RequestHead } from "../wire/http1/request-head.ts";

/** A header that replaces all lines of its name when the request is forwarded. */
export interface Replacement {
  readonly id: number;
  readonly name: string;
  readonly value: string;
}

export const NO_REPLACEMENTS: readonly Replacement[] = [];

/** Ask for time, retries and traces, or claim to be inside. */
const INSIDE: readonly KnownName[] = [
  "x-envoy-internal",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
];

/** Say what a hop within the mesh did. */
const EDGE: readonly KnownName[] = [
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-original-path",
  "x-envoy-original-host",
];

function idsOf(names: readonly KnownName[]): Uint8Array {
  const ids = new Uint8Array(KNOWN_COUNT);
  for (const name of names) ids[ID[name]] = 1;
  return ids;
}

const FROM_OUTSIDE = idsOf(INSIDE);
const AT_THE_EDGE = idsOf([...INSIDE, ...EDGE]);

/**
 * Takes off what this client may not send. A reason refuses the request.
 *
 * @param isInside See {@link HttpSettings.isInternal}. @param internalOnly Names in lower case.
 */
export function takeOff(
  head: RequestHead,
  settings: HttpSettings,
  isInside: boolean,
  internalOnly: readonly string[],
): "unexpected_underscore" | undefined {
  const { headersWithUnderscores, useRemoteAddress } = settings;
  head.removeConnectionNames();
  if (headersWithUnderscores !== "ALLOW" && hasUnderscore(head)) {
    if (headersWithUnderscores === "REJECT_REQUEST") return "unexpected_underscore";
    head.remove((line) => head.name(line).includes("_"));
  }
  if (isInside) return undefined;
  const unwanted = useRemoteAddress ? AT_THE_EDGE : FROM_OUTSIDE;
  if (hasAny(head, unwanted)) head.remove((line) => unwanted[head.ids[line] as number] === 1);
  if (internalOnly.length > 0) head.remove((line) => internalOnly.includes(head.name(line).toLowerCase()));
  return undefined;
}

function hasAny({ count, ids }: RequestHead, wanted: Uint8Array): boolean {
  for (let line = 0; line < count; line++) if (wanted[ids[line] as number] === 1) return true;
  return false;
}

function hasUnderscore(head: RequestHead): boolean {
  for (let line = 0; line < head.count; line++) if (head.name(line).includes("_")) return true;
  return false;
}

/** What is forwarded of the client's whereabouts. The request must be as {@link takeOff} left it. */
export function whereabouts(
  head: RequestHead,
  settings: HttpSettings,
  peer: PeerView,
  isInside: boolean,
): readonly Replacement[] {
  const { appendXForwardedPort, skipXffAppend, useRemoteAddress } = settings;
  if (!useRemoteAddress && !appendXForwardedPort) return NO_REPLACEMENTS;
  const found: Replacement[] = [];
  const put = (name: KnownName, value: string): void => void found.push({ id: ID[name], name, value });
  if (useRemoteAddress) {
    // A client at a unix socket has none.
    const address = isInside ? "" : settings.remoteAddressOf(head, peer);
    if (address !== "") put("x-envoy-external-address", address);
    if (!skipXffAppend && peer.remote.address !== "")
      put("x-forwarded-for", joined(head.header("x-forwarded-for"), peer.remote.address, ","));
    put("x-forwarded-proto", settings.forwardedProtoOf(head, peer));
  }
  if (appendXForwardedPort && head.first[ID["x-forwarded-port"]] === 0)
    put("x-forwarded-port", String(peer.local.port));
  return found;
}

/** One value behind another. */
export const joined = (before: string | undefined, value: string, separator: string): string =>
  before === undefined || before === "" ? value : `${before}${separator}${value}`;
