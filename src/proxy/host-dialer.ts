/**
 * Opens connections to one endpoint.
 *
 * @module
 */
import { type ClientTls, DialError, type DialOptions, type Network, type Socket } from "../net/socket.ts";
import type { Failure } from "./failure.ts";
import type { Lookup } from "./requested-hosts.ts";

export interface HostAddress {
  readonly address: string;
  readonly port: number;
  readonly path?: string;
  /** Asked at each dial, so that a rotated certificate is used at once. Undefined: plaintext. Throws when it is not there yet. */
  readonly tls: (() => ClientTls) | undefined;
  /** Goes first on each connection: a PROXY protocol header. */
  readonly preface?: Uint8Array;
  /** To call from. */
  readonly localAddress?: string | undefined;
  readonly connectTimeoutMs: number;
  /** Of silence, before the kernel asks whether the endpoint is there. */
  readonly keepAliveMs?: number | undefined;
  /** Gives the address, where `address` is a name to look up at each dial. */
  readonly lookup?: Lookup | undefined;
}

/** @throws {DialError} While the certificate that it needs is not there. */
function optionsOf(host: HostAddress): DialOptions {
  const { address, port, path, preface, tls, connectTimeoutMs, keepAliveMs, localAddress } = host;
  try {
    return {
      address,
      port,
      connectTimeoutMs,
      ...(path === undefined ? {} : { path }),
      ...(preface === undefined ? {} : { preface }),
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
      ...(tls === undefined ? {} : { tls: tls() }),
    };
  } catch (cause) {
    throw new DialError("tls", cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * Exactly one of the two callbacks comes; `onFail` at once where the certificate is missing.
 * @returns Gives the dial up: none comes any more. False where one has come already.
 */
export function dialHost(
  network: Network,
  host: HostAddress,
  onOpen: (socket: Socket) => void,
  onFail: (error: DialError) => void,
): () => boolean {
  let isPending = true;
  const settle = (): boolean => {
    const wasPending = isPending;
    isPending = false;
    return wasPending;
  };
  const opened = (socket: Socket): void => (settle() ? onOpen(socket) : socket.destroy());
  const failed = (error: DialError): void => {
    if (settle()) onFail(error);
  };
  let options: DialOptions;
  try {
    options = optionsOf(host);
  } catch (error) {
    failed(error as DialError);
    return settle;
  }
  if (host.lookup === undefined) network.dial(options, opened, failed);
  else
    host.lookup(
      (address) => {
        if (isPending) network.dial({ ...options, address }, opened, failed);
      },
      (reason) => failed(new DialError("dns", reason)),
    );
  return settle;
}

/** What a failed dial is to the request that waited for it. */
export function failureOf(error: DialError): Failure {
  return { kind: failureKindOf(error), details: error.message, requestSent: false, answered: false };
}

export function failureKindOf(
  error: DialError,
): "upstreamConnectTimeout" | "upstreamTlsFailure" | "upstreamConnectFailure" | "dnsFailure" {
  if (error.kind === "timeout") return "upstreamConnectTimeout";
  if (error.kind === "dns") return "dnsFailure";
  return error.kind === "tls" ? "upstreamTlsFailure" : "upstreamConnectFailure";
}
