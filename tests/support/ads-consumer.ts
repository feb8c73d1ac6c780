/**
 * A discovery client with a consumer that writes down what it is told.
 */
import { silentLog } from "../../src/base/log.ts";
import { AdsClient } from "../../src/xds/client/ads-client.ts";
import type { Rejection } from "../../src/xds/client/client-subscription.ts";
import type { GrpcClient } from "../../src/xds/grpc-client.ts";
import { type Resource, TypeUrl } from "../../src/xds/resources.ts";
import type { NamedMessage } from "../../src/xds/sheets.ts";
import { Snapshot } from "../../src/xds/snapshot.ts";
import { type AdsRig, labelOf, NODE } from "./ads-rig.ts";

const short = (typeUrl: string): string => Object.entries(TypeUrl).find(([, url]) => url === typeUrl)![0];

/** A proxy in the small: follows clusters to endpoints and listeners to routes, and writes down what it is told. */
export class Consumer {
  readonly told: string[] = [];
  readonly have = new Map<string, string>();
  reject: (resource: Resource) => string | undefined = () => undefined;
  onUpdate: (typeUrl: string) => void = () => {};
  /** Given: what was taken counts when it resolves. */
  delay: (() => Promise<void>) | undefined;

  take(typeUrl: string, changed: readonly Resource[], removed: readonly string[]): Rejection[] {
    const texts = changed.map(({ name, any }) => `${name}=${labelOf(any)}`);
    this.told.push([short(typeUrl), ...texts, ...removed.map((name) => `-${name}`)].join(" "));
    const rejected = changed.flatMap((it) => {
      const reason = this.reject(it);
      return reason === undefined ? [] : [{ name: it.name, reason }];
    });
    for (const { name, any } of changed)
      if (!rejected.some((it) => it.name === name)) this.have.set(`${short(typeUrl)} ${name}`, labelOf(any));
    for (const name of removed) this.have.delete(`${short(typeUrl)} ${name}`);
    this.onUpdate(typeUrl);
    return rejected;
  }
}

export function begin(rig: AdsRig, random = () => 0): { client: AdsClient; consumer: Consumer; grpc: GrpcClient } {
  const consumer = new Consumer();
  const grpc = rig.client();
  const client = new AdsClient({
    grpc,
    clock: rig.clock,
    random,
    log: silentLog,
    node: { id: NODE, cluster: "reviews" },
    onUpdate: (typeUrl, changed, removed) => {
      const rejected = consumer.take(typeUrl, changed, removed);
      return consumer.delay === undefined ? rejected : consumer.delay().then(() => rejected);
    },
  });
  return { client, consumer, grpc };
}

export function publish(rig: AdsRig, ...messages: NamedMessage[]): void {
  rig.cache.set(NODE, Snapshot.of(messages, rig.cache.get(NODE)));
  rig.flush();
}
