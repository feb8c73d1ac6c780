/**
 * Resources of xDS: their types, the order of types, and what one resource is.
 *
 * @module
 */
import type { AnyMessage } from "./types/any.ts";

/** One resource as it is kept and sent. The bytes are encoded once and shared by all who get it. */
export interface Resource {
  readonly name: string;
  /** Hash of the content: equal content has an equal version, whenever and wherever it was made. */
  readonly version: string;
  readonly any: AnyMessage;
}

const url = (name: string): string => `type.googleapis.com/${name}`;

/** Type URLs, by the name that the field uses for each discovery service. */
export const TypeUrl = {
  cds: url("envoy.config.cluster.v3.Cluster"),
  eds: url("envoy.config.endpoint.v3.ClusterLoadAssignment"),
  lds: url("envoy.config.listener.v3.Listener"),
  rds: url("envoy.config.route.v3.RouteConfiguration"),
  sds: url("envoy.extensions.transport_sockets.tls.v3.Secret"),
} as const;

/**
 * Make before break: clusters and their endpoints come before the listeners and routes that use them.
 * Secrets are first, since a cluster or listener waits for its certificates.
 * ("Eventual consistency considerations" in Envoy's xDS protocol.)
 */
const ORDER: readonly string[] = [TypeUrl.sds, TypeUrl.cds, TypeUrl.eds, TypeUrl.lds, TypeUrl.rds];

/** Compares two type URLs by the order in which they must be sent; types that are not Envoy's come last. */
export function compareTypes(a: string, b: string): number {
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

const rank = (typeUrl: string): number => (ORDER.includes(typeUrl) ? ORDER.indexOf(typeUrl) : ORDER.length);

/** What routes and listeners point to: it must not vanish before they let go of it. */
export const isReferenced = (typeUrl: string): boolean => typeUrl === TypeUrl.cds || typeUrl === TypeUrl.eds;

/** What points to clusters. */
export const isReferring = (typeUrl: string): boolean => typeUrl === TypeUrl.lds || typeUrl === TypeUrl.rds;

/**
 * A first request that names nothing asks for everything. Types that only exist because another resource names them
 * have no such form: there it asks for nothing.
 */
export const hasLegacyWildcard = (typeUrl: string): boolean =>
  typeUrl !== TypeUrl.eds && typeUrl !== TypeUrl.rds && typeUrl !== TypeUrl.sds;

/**
 * A state-of-the-world response of this type holds everything, and what it lacks is gone.
 * Of the others a response may hold a part.
 */
export const isFullState = (typeUrl: string): boolean => hasLegacyWildcard(typeUrl);

export function makeResource(name: string, any: AnyMessage): Resource {
  return { name, version: hasher().update(any.bytes).digest("hex").slice(0, 16), any };
}

const DIGESTS = new WeakMap<Resource, bigint>();

/** 64 bits of name and version. Sums of them tell sets of resources apart, whatever their order. */
export function digestOf(resource: Resource): bigint {
  const known = DIGESTS.get(resource);
  if (known !== undefined) return known;
  const hash = hasher()
    .update(JSON.stringify([resource.name, resource.version]))
    .digest();
  const digest = hash.readBigUInt64BE(0);
  DIGESTS.set(resource, digest);
  return digest;
}

/** @param digest A sum of {@link digestOf}. */
export const versionOfDigest = (digest: bigint): string => BigInt.asUintN(64, digest).toString(16).padStart(16, "0");

/** One version for a set of resources, whatever their order. */
export function versionOf(resources: Iterable<Pick<Resource, "name" | "version">>): string {
  const hash = hasher();
  const entries = Array.from(resources, ({ name, version }) => JSON.stringify([name, version]));
  for (const entry of entries.sort()) hash.update(entry);
  return hash.digest("hex").slice(0, 16);
}

/** Bun's own: `node:crypto` would cost a proxy, which hashes nothing, 7 MB for being imported. */
const hasher = () => new Bun.CryptoHasher("sha256");
