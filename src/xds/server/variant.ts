/**
 * The two variants of the protocol, delta and state-of-the-world, as bytes.
 *
 * @module
 */
import type { Node } from "../proto/core-base.ts";
import {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "../proto/discovery.ts";
import type { Status } from "../proto/rpc-status.ts";
import { decodeTolerant, encode } from "../types/codec.ts";
import type { Push } from "./ads-stream.ts";
import { type DeltaRequest, DeltaSubscription } from "./delta-subscription.ts";
import { type SotwRequest, SotwSubscription } from "./sotw-subscription.ts";
import type { Subscription, SubscriptionRequest } from "./subscription.ts";

/** A request with what concerns the stream beside the subscription. */
export interface Envelope<R> {
  readonly node: Node | undefined;
  /** Empty when it is left out. */
  readonly typeUrl: string;
  /** Names that the request carries, for bounds. */
  readonly nameCount: number;
  readonly request: R;
}

export interface Variant<R extends SubscriptionRequest, S extends Subscription<R>> {
  readonly name: "delta" | "sotw";
  /** @throws {FieldError} If the bytes are malformed. */
  decode(bytes: Uint8Array): Envelope<R>;
  encode(push: Push): Uint8Array;
  makeSubscription(typeUrl: string, isEnvoy: boolean): S;
  onSent(subscription: S, nonce: string): void;
}

const CONTROL_PLANE = { identifier: "tulle" };

export const delta: Variant<DeltaRequest, DeltaSubscription> = {
  name: "delta",
  decode(bytes) {
    const it = decodeTolerant(DeltaDiscoveryRequest, bytes);
    const subscribe = it.resourceNamesSubscribe ?? [];
    const initialVersions = it.initialResourceVersions ?? {};
    return {
      node: it.node,
      typeUrl: it.typeUrl ?? "",
      nameCount: subscribe.length + Object.keys(initialVersions).length,
      request: {
        nonce: it.responseNonce ?? "",
        error: reasonOf(it.errorDetail),
        subscribe,
        unsubscribe: it.resourceNamesUnsubscribe ?? [],
        initialVersions,
      },
    };
  },
  encode: ({ typeUrl, nonce, version, resources, removed }) =>
    encode(DeltaDiscoveryResponse, {
      systemVersionInfo: version,
      typeUrl,
      nonce,
      resources: resources.map(({ name, version: its, any }) => ({ name, version: its, resource: any })),
      removedResources: removed,
      controlPlane: CONTROL_PLANE,
    }),
  makeSubscription: (typeUrl, isEnvoy) => new DeltaSubscription(typeUrl, isEnvoy),
  onSent() {},
};

export const sotw: Variant<SotwRequest, SotwSubscription> = {
  name: "sotw",
  decode(bytes) {
    const it = decodeTolerant(DiscoveryRequest, bytes);
    const names = it.resourceNames ?? [];
    return {
      node: it.node,
      typeUrl: it.typeUrl ?? "",
      nameCount: names.length,
      request: {
        nonce: it.responseNonce ?? "",
        error: reasonOf(it.errorDetail),
        names,
        version: it.versionInfo ?? "",
      },
    };
  },
  encode: ({ typeUrl, nonce, version, resources }) =>
    encode(DiscoveryResponse, {
      versionInfo: version,
      typeUrl,
      nonce,
      resources: resources.map(({ any }) => any),
      controlPlane: CONTROL_PLANE,
    }),
  makeSubscription: (typeUrl) => new SotwSubscription(typeUrl),
  onSent: (subscription, nonce) => subscription.sentAs(nonce),
};

function reasonOf(status: Status | undefined): string | undefined {
  if (status === undefined) return undefined;
  return status.message === undefined || status.message === "" ? `code ${status.code ?? 0}` : status.message;
}
