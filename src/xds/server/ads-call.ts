/**
 * One discovery stream on gRPC: who it is, what it may have, and its bytes.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { PeerIdentity } from "../../net/socket.ts";
import { GrpcCode, GrpcError } from "../../wire/grpc.ts";
import type { CallHandler, ServerCall } from "../grpc-server.ts";
import type { Node } from "../proto/core-base.ts";
import type { SnapshotCache } from "../snapshot-cache.ts";
import { AdsStream, type Nack } from "./ads-stream.ts";
import { type ClientStatus, typeStatus } from "./status.ts";
import type { Subscription, SubscriptionRequest } from "./subscription.ts";
import type { Envelope, Variant } from "./variant.ts";

export type Authorization = { readonly t: "ok" } | { readonly t: "refused"; readonly reason: string };

export interface AdsServerOptions {
  readonly cache: SnapshotCache;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this peer may be this node. Asked once a stream, before anything is sent. */
  readonly authorize: (peer: PeerIdentity | undefined, node: Node) => Authorization;
  /** A node has begun a stream; the place to make its snapshot. */
  readonly onConnect?: (node: Node) => void;
  readonly onDisconnect?: (node: Node) => void;
  readonly onNack?: (nodeId: string, nack: Nack) => void;
  /** How long routes wait for clusters to be acknowledged, milliseconds. @default 5000 */
  readonly orderTimeoutMs?: number;
}

/** What an Envoy calls itself. */
const ENVOY = "envoy";
/** Bounds on what one stream may ask for. */
const MAX_TYPES = 32;
const MAX_NAMES = 200_000;

export class AdsCall<R extends SubscriptionRequest, S extends Subscription<R>> implements CallHandler {
  readonly #call: ServerCall;
  readonly #variant: Variant<R, S>;
  readonly #options: Required<AdsServerOptions>;
  /** The only type of a stream that does not aggregate. */
  readonly #onlyType: string | undefined;
  readonly #stream: AdsStream<R, S>;
  readonly #sinceMs: number;
  readonly #onGone: () => void;
  #node: Node | undefined;
  #unwatch: () => void = () => {};
  #expiry: Timer | undefined;
  #wake: Timer | undefined;

  constructor(
    call: ServerCall,
    variant: Variant<R, S>,
    options: Required<AdsServerOptions>,
    onlyType: string | undefined,
    onGone: () => void,
  ) {
    this.#call = call;
    this.#variant = variant;
    this.#options = options;
    this.#onlyType = onlyType;
    this.#onGone = onGone;
    this.#sinceMs = options.clock.wallMs();
    const { onSent } = variant;
    const makeSubscription = (typeUrl: string): S =>
      variant.makeSubscription(typeUrl, this.#node?.userAgentName === ENVOY);
    this.#stream = new AdsStream<R, S>({ makeSubscription, onSent, orderTimeoutMs: options.orderTimeoutMs });
    this.#endWithCertificate();
  }

  /** Undefined before the node has said who it is. */
  get status(): ClientStatus | undefined {
    const node = this.#node;
    if (node === undefined) return undefined;
    const { peer, remote } = this.#call;
    return {
      nodeId: node.id ?? "",
      cluster: node.cluster ?? "",
      userAgent: `${node.userAgentName ?? ""} ${versionOf(node)}`.trim(),
      variant: this.#variant.name,
      remote: `${remote.address}:${remote.port}`,
      spiffeId: peer?.spiffeId,
      certificateNotAfterMs: peer?.notAfterMs,
      connectedSinceMs: this.#sinceMs,
      types: this.#stream.types.map(typeStatus),
    };
  }

  onMessage(message: Uint8Array): void {
    const envelope = this.#decode(message);
    const typeUrl = this.#typeOf(envelope);
    this.#node ??= this.#admit(envelope.node);
    this.#checkBounds(typeUrl, envelope.nameCount);
    const nack = this.#stream.request(typeUrl, envelope.request, this.#options.clock.wallMs());
    if (nack !== undefined) this.#tellNack(this.#node, nack);
    this.#push();
  }

  onHalfClose(): void {
    this.#call.end({ code: GrpcCode.ok, message: "" });
  }

  onClosed(): void {
    this.#unwatch();
    this.#expiry?.cancel();
    this.#wake?.cancel();
    this.#onGone();
    if (this.#node !== undefined) this.#options.onDisconnect(this.#node);
  }

  /** Sends the client to another server. */
  end(message: string): void {
    this.#call.end({ code: GrpcCode.unavailable, message });
  }

  #decode(message: Uint8Array): Envelope<R> {
    try {
      return this.#variant.decode(message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new GrpcError(GrpcCode.invalidArgument, `cannot read the discovery request: ${why}`);
    }
  }

  #typeOf({ typeUrl }: Envelope<R>): string {
    const only = this.#onlyType;
    if (only === undefined && typeUrl === "") throw new GrpcError(GrpcCode.invalidArgument, "type_url is missing");
    if (only !== undefined && typeUrl !== "" && typeUrl !== only) {
      throw new GrpcError(GrpcCode.invalidArgument, `this service serves ${only}: found type_url ${typeUrl}`);
    }
    return only ?? typeUrl;
  }

  #admit(node: Node | undefined): Node {
    const id = node?.id ?? "";
    if (node === undefined || id === "") {
      throw new GrpcError(GrpcCode.invalidArgument, "the first request must carry a node with an id");
    }
    const { cache, log, authorize, onConnect } = this.#options;
    const allowed = authorize(this.#call.peer, node);
    if (allowed.t === "refused") {
      log.warn("discovery refused", { node: id, peer: this.#call.peer?.spiffeId, reason: allowed.reason });
      throw new GrpcError(GrpcCode.permissionDenied, allowed.reason);
    }
    this.#unwatch = cache.watch(id, (snapshot) => {
      this.#stream.change(snapshot);
      this.#push();
    });
    this.#call.accept();
    onConnect(node);
    const snapshot = cache.get(id);
    if (snapshot !== undefined) this.#stream.change(snapshot);
    return node;
  }

  #checkBounds(typeUrl: string, nameCount: number): void {
    const types = this.#stream.types;
    const names = types.reduce((sum, { subscription }) => sum + subscription.names.size, nameCount);
    const isNew = !types.some(({ subscription }) => subscription.typeUrl === typeUrl);
    if (names > MAX_NAMES || (isNew && types.length >= MAX_TYPES)) {
      const most = `${MAX_TYPES} types and ${MAX_NAMES} names`;
      throw new GrpcError(GrpcCode.resourceExhausted, `a stream may ask for at most ${most}`);
    }
  }

  #tellNack(node: Node, nack: Nack): void {
    const { typeUrl, version, nonce, reason } = nack;
    this.#options.log.warn("a client rejected its configuration", { node: node.id, typeUrl, version, nonce, reason });
    this.#options.onNack(node.id ?? "", nack);
  }

  #push(): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    try {
      for (const push of this.#stream.pushes(nowMs)) this.#call.send(this.#variant.encode(push));
    } catch (error) {
      // This may run within the publisher of a snapshot, whom the fault of one client must not reach.
      if (!(error instanceof GrpcError)) throw error;
      this.#call.end(error.status);
    }
    this.#wake?.cancel();
    const wakeMs = this.#stream.wakeMs(nowMs);
    this.#wake = wakeMs === undefined ? undefined : clock.after(wakeMs - nowMs, () => this.#push());
  }

  /** A certificate admits no longer than it is valid. */
  #endWithCertificate(): void {
    const { peer } = this.#call;
    if (peer === undefined) return;
    const { clock } = this.#options;
    // Clocks cut very long waits short, hence the second look.
    this.#expiry = clock.after(peer.notAfterMs - clock.wallMs(), () => {
      if (clock.wallMs() < peer.notAfterMs) return this.#endWithCertificate();
      this.#call.end({ code: GrpcCode.unauthenticated, message: "the client certificate has expired" });
    });
  }
}

function versionOf(node: Node): string {
  const version = node.userAgentBuildVersion?.version;
  if (version === undefined) return node.userAgentVersion ?? "";
  return `${version.majorNumber ?? 0}.${version.minorNumber ?? 0}.${version.patch ?? 0}`;
}
