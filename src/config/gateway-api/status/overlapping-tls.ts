/**
 * The condition `OverlappingTLSConfig` of a listener: a client may take a connection that it has to one listener for requests that
 * belong to another (RFC 9113 section 9.1.1), since the hosts of both meet.
 *
 * Source: `ListenerConditionOverlappingTLSConfig`, which must be told of hosts and may be told of certificates; here it is told of
 * hosts. It is never told as False.
 *
 * @module
 */
import type { AttachedListener } from "../../../model/gateway-api/attachment/attachment.ts";
import { hostsMeet } from "../../../model/gateway-api/attachment/hostnames.ts";
import { type Condition, conditionsOf } from "./condition.ts";

/** @param all Of the same Gateway, those of its ListenerSets too. */
export function overlappingTls(own: AttachedListener, all: readonly AttachedListener[]): readonly Condition[] {
  const others = all.filter((other) => other !== own && isInItsWay(own, other));
  if (!own.serves || others.length === 0) return [];
  const names = others.map(({ listener }) => `${listener.name} (${listener.hostname ?? "every host"})`).join(", ");
  const message = `hosts of ${names} at the same port meet its own: requests on a connection to the other are answered with 421`;
  return [conditionsOf(own.owner.meta).holds("OverlappingTLSConfig", { reason: "OverlappingHostnames", message })];
}

function isInItsWay({ listener: own }: AttachedListener, { listener: other, serves }: AttachedListener): boolean {
  const areHttps = own.protocol === "HTTPS" && other.protocol === "HTTPS";
  return serves && areHttps && own.port === other.port && hostsMeet(own.hostname, hostOf(other.hostname));
}

const hostOf = (hostname: string | undefined): readonly string[] => (hostname === undefined ? [] : [hostname]);
