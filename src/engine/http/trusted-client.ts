/**
 * Who the client is, as far as `x-forwarded-for` and `x-forwarded-proto` may be believed.
 *
 * Source: Envoy documentation, "HTTP header manipulation", `use_remote_address`, `xff_num_trusted_hops` and
 * `internal_address_config`.
 *
 * @module
 */
import type { InternalAddressConfig } from "../../xds/proto/http-connection-manager.ts";
import { fieldPath } from "../compile-error.ts";
import { parseIp } from "../../base/ip-address.ts";
import { type Cidr, cidrContains, compileCidr } from "../listener/cidr.ts";
import type { PeerView, RequestView } from "../request.ts";

type ReadClient = (request: RequestView, peer: PeerView) => string;

/** The client's IP address. Where the header has no address at the place that is trusted, the connection's counts. */
export function remoteAddressOf(useRemoteAddress: boolean, trustedHops: number): ReadClient {
  if (useRemoteAddress && trustedHops === 0) return (_, peer) => peer.remote.address;
  const fromRight = useRemoteAddress ? trustedHops : trustedHops + 1;
  return (request, peer) => {
    const forwardedFor = request.header("x-forwarded-for");
    const address = forwardedFor?.split(",").at(-fromRight)?.trim();
    return address !== undefined && parseIp(address) !== undefined ? address : peer.remote.address;
  };
}

/** @param isEdge The client is not trusted: only the connection counts. */
export function forwardedProtoOf(isEdge: boolean): ReadClient {
  const own = (peer: PeerView): string => (peer.tls ? "https" : "http");
  if (isEdge) return (_, peer) => own(peer);
  return (request, peer) => request.header("x-forwarded-proto") ?? own(peer);
}

/**
 * Whether a client is inside: the address that will stand alone in `x-forwarded-for` is in a range that was configured.
 * Undefined: nobody is.
 *
 * @throws {CompileError}
 */
export function internalTest(
  config: InternalAddressConfig | undefined,
  useRemoteAddress: boolean,
  path: string,
): ((request: RequestView, peer: PeerView) => boolean) | undefined {
  const at = fieldPath(path, "cidrRanges");
  const ranges = (config?.cidrRanges ?? []).map((range, i) => compileCidr(range, `${at}[${i}]`));
  if (ranges.length === 0) return undefined;
  return (request, peer) => {
    const came = request.header("x-forwarded-for");
    if (useRemoteAddress) return came === undefined && within(ranges, peer.remote.address);
    return came !== undefined && within(ranges, came.trim());
  };
}

function within(ranges: readonly Cidr[], address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && ranges.some((range) => cidrContains(range, ip));
}
