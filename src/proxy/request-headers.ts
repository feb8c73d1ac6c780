/**
 * The header fields of a request as they go to an endpoint: those that came in, edited. The same for every protocol.
 *
 * Added as Envoy does: `x-request-id` (made where there is none), `x-forwarded-proto` (where there is none), what an edge
 * says of its client, `via`, `x-envoy-original-path` and `-host` of what was rewritten, `x-envoy-expected-rq-timeout-ms` (and `grpc-timeout` with the same where `max_grpc_timeout` counts),
 * `x-envoy-attempt-count` (where the virtual host asks for it). Ours: a `traceparent` where there is none that can be
 * read, so that every request can be followed.
 *
 * @module
 */
import { formatGrpcTimeout } from "../engine/http/stream-duration.ts";
import type { HeaderOperation } from "../engine/http.ts";
import type { SubstitutionView } from "../engine/request.ts";
import { ID } from "../wire/http1/known.ts";
import { joined, NO_REPLACEMENTS } from "./client-headers.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import { HeaderOverlay } from "./header-overlay.ts";
import type { HeaderSink } from "./header-sink.ts";
import { writeMirrorLines } from "./mirror-head.ts";
import type { UpstreamRequest } from "./upstream.ts";

const DROP_ALWAYS = new Uint8Array(64);
for (const name of ["host", "transfer-encoding", "x-envoy-expected-rq-timeout-ms", "x-tulle-peer"] as const)
  DROP_ALWAYS[ID[name]] = 1;

/** What a head asks of the way that it goes. */
export type Way = Pick<UpstreamRequest, "isReused" | "socket">;

export class RequestHeaders {
  readonly #sink: HeaderSink;
  readonly #overlay = new HeaderOverlay();
  #exchange: ExchangeRecord | undefined;
  /** What the endpoint is told of a gRPC call's time, in place of what came; 0 for nothing. */
  #grpcTimeoutMs = 0;

  constructor(sink: HeaderSink) {
    this.#sink = sink;
  }

  write(exchange: ExchangeRecord, upstream: Way): void {
    const { head, forward } = exchange;
    if (forward === undefined) return writeMirrorLines(this.#sink, exchange, upstream);
    this.#exchange = exchange;
    this.#grpcTimeoutMs = forward.route.maxGrpcTimeoutMs !== undefined && head.isGrpc ? exchange.expectedMs : 0;
    const { requestHeaders } = forward;
    this.#overlay.apply(requestHeaders, head, requestHeaders.some(isFormatted) ? this.#edited(exchange) : exchange);
    this.#sink.lines(head, this.#drops);
    this.#writeAdded(exchange, upstream);
    this.#overlay.write(this.#sink);
    this.#exchange = undefined;
  }

  readonly #drops = (line: number): boolean => {
    const exchange = this.#exchange as ExchangeRecord;
    const { context, head, forwardedClientCert, replacements, traceparent } = exchange;
    const id = head.ids[line] as number;
    if (DROP_ALWAYS[id] === 1 || head.isHopByHop(line)) return true;
    if (replacements !== NO_REPLACEMENTS && replacements.some((it) => it.id === id)) return true;
    if (id === ID["grpc-timeout"] && this.#grpcTimeoutMs > 0) return true;
    if (id === ID["x-envoy-attempt-count"] && exchange.forward?.route.includeAttemptCount.request) return true;
    if (id === ID["x-envoy-original-path"] && exchange.isPathRewritten) return true;
    if (id === ID["x-envoy-original-host"] && exchange.originalHost !== "") return true;
    if (id === ID.via && context.http.settings.via !== "") return true;
    if (id === ID["x-forwarded-client-cert"] && forwardedClientCert !== undefined) return true;
    // A trace that could not be read is begun anew, and what vendors said of the old one does not hold for it.
    if ((id === ID.traceparent || id === ID.tracestate) && traceparent !== "") return true;
    return this.#overlay.drops(head, line);
  };

  #writeAdded(exchange: ExchangeRecord, upstream: Way): void {
    const sink = this.#sink;
    const { head, forward } = exchange;
    const { first } = head;
    if (first[ID["x-request-id"]] === 0 && exchange.requestId !== "") this.#add("x-request-id", exchange.requestId);
    for (const { name, value } of exchange.replacements) this.#add(name, value);
    const saysProto = first[ID["x-forwarded-proto"]] !== 0 || exchange.context.http.settings.useRemoteAddress;
    if (!saysProto) this.#add("x-forwarded-proto", exchange.peer.tls ? "https" : "http");
    if (exchange.traceparent !== "") this.#add("traceparent", exchange.traceparent);
    if (exchange.isPathRewritten) this.#add("x-envoy-original-path", exchange.receivedPath);
    const { expectedMs } = exchange;
    if (expectedMs > 0) sink.header("x-envoy-expected-rq-timeout-ms", String(expectedMs));
    if (this.#grpcTimeoutMs > 0) this.#add("grpc-timeout", formatGrpcTimeout(this.#grpcTimeoutMs));
    const { originalHost } = exchange;
    if (originalHost !== "") {
      this.#add("x-envoy-original-host", originalHost);
      if (forward?.route.appendXForwardedHost) this.#add("x-forwarded-host", originalHost);
    }
    const { via } = exchange.context.http.settings;
    if (via !== "") this.#add("via", joined(head.header("via"), via, ", "));
    if (first[ID.te] !== 0 && /(^|,)\s*trailers\s*(,|$)/i.test(head.header("te") ?? "")) sink.header("te", "trailers");
    if (forward?.route.includeAttemptCount.request) sink.header("x-envoy-attempt-count", String(exchange.attempts));
    const { forwardedClientCert } = exchange;
    if (forwardedClientCert) this.#add("x-forwarded-client-cert", forwardedClientCert);
    const { peerHeader } = exchange.context;
    // For peers of the mesh alone: those that have shown an identity.
    if (peerHeader !== undefined && !upstream.isReused && upstream.socket.peer?.spiffeId !== undefined)
      sink.header("x-tulle-peer", peerHeader);
  }

  /** What operators see, as Envoy's: path and host before they are rewritten, headers as far as they are edited. */
  #edited(exchange: ExchangeRecord): SubstitutionView {
    const overlay = this.#overlay;
    return Object.create(exchange, {
      path: { value: exchange.receivedPath },
      originalPath: { value: undefined },
      authority: { value: exchange.head.authority },
      requestHeader: {
        value(this: ExchangeRecord, name: string): string | undefined {
          return overlay.firstOf(name, exchange.requestHeader.call(this, name));
        },
      },
    }) as SubstitutionView;
  }

  /** A route's own operation on the header wins over ours. */
  #add(name: string, value: string): void {
    if (!this.#overlay.touches(name)) this.#sink.header(name, value);
  }
}

const isFormatted = ({ format }: HeaderOperation): boolean => format !== undefined;
