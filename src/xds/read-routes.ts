/**
 * A route configuration from its bytes, with the virtual hosts of an earlier one where they are the same.
 *
 * All hosts of a mesh are one resource, and a change of one rule brings all of them anew. What is the same value as before keeps what was made of it.
 *
 * @module
 */
import { LENGTH, ProtobufError } from "../wire/protobuf.ts";
import { ProtobufReader } from "../wire/protobuf-reader.ts";
import { RouteConfiguration, VirtualHost } from "./proto/route.ts";
import { type AnyMessage, isAny, isOpened, remember, unpack } from "./types/any.ts";
import { decode } from "./types/codec.ts";
import { FieldError } from "./types/field-error.ts";

/** `RouteConfiguration.virtual_hosts`. */
const VIRTUAL_HOSTS = 2;

/** By a hash of their bytes: the bytes themselves would be held as long as the message is. */
type Hosts = ReadonlyMap<string, VirtualHost>;

const HOSTS = new WeakMap<RouteConfiguration, Hosts>();

/** @throws {FieldError} As {@link unpack}. */
export function readRoutes(any: AnyMessage, before: RouteConfiguration | undefined): RouteConfiguration {
  if (isOpened(any) || !isAny(any, RouteConfiguration)) return unpack(any, RouteConfiguration);
  try {
    const message = reread(any.bytes, (before && HOSTS.get(before)) ?? new Map());
    remember(any, RouteConfiguration, message);
    return message;
  } catch (error) {
    // Read as a whole it is told with the place in the whole.
    if (error instanceof FieldError || error instanceof ProtobufError) return unpack(any, RouteConfiguration);
    throw error;
  }
}

function reread(bytes: Uint8Array, known: Hosts): RouteConfiguration {
  const reader = new ProtobufReader(bytes);
  const hosts = new Map<string, VirtualHost>();
  const virtualHosts: VirtualHost[] = [];
  const rest: Uint8Array[] = [];
  while (!reader.done) {
    const start = reader.at;
    const number = reader.tag();
    if (number !== VIRTUAL_HOSTS || reader.wireType !== LENGTH) {
      reader.skip();
      rest.push(bytes.subarray(start, reader.at));
      continue;
    }
    const own = reader.view();
    const key = new Bun.CryptoHasher("sha256").update(own).digest("base64");
    const host = known.get(key) ?? decode(VirtualHost, own);
    hosts.set(key, host);
    virtualHosts.push(host);
  }
  const others = decode(RouteConfiguration, together(rest));
  const message = virtualHosts.length === 0 ? others : { ...others, virtualHosts };
  HOSTS.set(message, hosts);
  return message;
}

function together(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
