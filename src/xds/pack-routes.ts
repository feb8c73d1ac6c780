/**
 * A route configuration as bytes, with those of virtual hosts that were encoded before: all hosts of a mesh are one resource, and a change of
 * one rule makes one of them anew.
 *
 * @module
 */
import { LENGTH } from "../wire/protobuf.ts";
import { ProtobufWriter } from "../wire/protobuf-writer.ts";
import { RouteConfiguration, VirtualHost } from "./proto/route.ts";
import { type AnyMessage, remember } from "./types/any.ts";
import { encode } from "./types/codec.ts";
import { within } from "./types/field-error.ts";

/** `RouteConfiguration.virtual_hosts`; the name alone stands before it. */
const VIRTUAL_HOSTS = 2;
/** Of a tag and a length. */
const MAX_FRAME_BYTES = 6;

/** Parts of the last configuration that a host stood in, so that they are in memory once. */
const ENCODED = new WeakMap<VirtualHost, Uint8Array>();

/** The same as `pack(RouteConfiguration, message)`. @throws {FieldError} As {@link encode}. */
export function packRoutes(message: RouteConfiguration): AnyMessage {
  const { name, virtualHosts = [], ...rest } = message;
  const hosts = virtualHosts.map(encoded);
  const head = encode(RouteConfiguration, { name });
  const tail = encode(RouteConfiguration, rest);
  const hostBytes = hosts.reduce((sum, { length }) => sum + length + MAX_FRAME_BYTES, 0);
  const writer = new ProtobufWriter(head.length + hostBytes + tail.length);
  writer.raw(head);
  for (const host of hosts) {
    writer.tag(VIRTUAL_HOSTS, LENGTH);
    writer.bytes(host);
  }
  writer.raw(tail);
  const bytes = writer.finish();
  keepIn(bytes, head.length, virtualHosts, hosts);
  const any: AnyMessage = { typeUrl: RouteConfiguration.typeUrl, bytes };
  remember(any, RouteConfiguration, message);
  return any;
}

function encoded(host: VirtualHost, i: number): Uint8Array {
  try {
    return ENCODED.get(host) ?? encode(VirtualHost, host);
  } catch (error) {
    throw within(within(error, `[${i}]`), "virtual_hosts");
  }
}

function keepIn(
  bytes: Uint8Array,
  start: number,
  virtualHosts: readonly VirtualHost[],
  hosts: readonly Uint8Array[],
): void {
  let at = start;
  for (const [i, { length }] of hosts.entries()) {
    at += 1 + lengthBytes(length);
    ENCODED.set(virtualHosts[i] as VirtualHost, bytes.subarray(at, at + length));
    at += length;
  }
}

/** Of a varint. */
function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}
