/**
 * The matches of a rule and those of its delegate's, as one list.
 *
 * Source: Istio's merging of HTTPMatchRequests. A delegate's match belongs to each of the root's that it is part of: with an exact
 * value that is the same, or a prefix or exact value that begins with the root's prefix. An expression fits no other condition on the same thing.
 *
 * @module
 */
import type { StringMatch } from "../model/match.ts";
import type { HttpMatch } from "../model/virtual-service.ts";

/** Undefined where a match of the delegate is part of none of the root's. */
export function mergedMatches(
  root: readonly HttpMatch[],
  delegate: readonly HttpMatch[],
): readonly HttpMatch[] | undefined {
  if (root.length === 0) return delegate;
  if (delegate.length === 0) return root;
  const merged = delegate.map((leaf) => root.filter((r) => fits(r, leaf)).map((r) => mergedMatch(r, leaf)));
  return merged.some((found) => found.length === 0) ? undefined : merged.flat();
}

const STRINGS = ["uri", "scheme", "method", "authority"] as const;
const MAPS = ["headers", "withoutHeaders", "queryParams"] as const;

function fits(root: HttpMatch, leaf: HttpMatch): boolean {
  return (
    STRINGS.every((name) => isPart(root[name], leaf[name])) &&
    MAPS.every((name) => Object.entries(leaf[name]).every(([key, match]) => isPart(own(root[name], key), match))) &&
    root.ignoreUriCase === leaf.ignoreUriCase &&
    (root.port === undefined || leaf.port === undefined || root.port === leaf.port) &&
    fitsSource(root, leaf)
  );
}

function fitsSource(root: HttpMatch, leaf: HttpMatch): boolean {
  const { labels, namespace } = root.source;
  const gateways = root.gateways ?? [];
  return (
    (namespace === undefined || namespace === leaf.source.namespace) &&
    Object.entries(leaf.source.labels).every(([key, value]) => (own(labels, key) ?? value) === value) &&
    (gateways.length === 0 || (leaf.gateways ?? []).every((name) => gateways.includes(name)))
  );
}

function isPart(root: StringMatch | undefined, leaf: StringMatch | undefined): boolean {
  if (root === undefined || leaf === undefined) return true;
  if (leaf.t !== "exact" && leaf.t !== "prefix") return false;
  if (root.t === "exact") return leaf.t === "exact" && leaf.value === root.value;
  return root.t === "prefix" && leaf.value.startsWith(root.value);
}

function mergedMatch(root: HttpMatch, leaf: HttpMatch): HttpMatch {
  const names = [root.name, leaf.name].filter((name) => name !== undefined);
  return {
    place: leaf.place,
    name: names.length === 0 ? undefined : names.join("-"),
    uri: leaf.uri ?? root.uri,
    ignoreUriCase: leaf.ignoreUriCase,
    method: leaf.method ?? root.method,
    authority: leaf.authority ?? root.authority,
    scheme: leaf.scheme ?? root.scheme,
    headers: { ...root.headers, ...leaf.headers },
    withoutHeaders: { ...root.withoutHeaders, ...leaf.withoutHeaders },
    queryParams: { ...root.queryParams, ...leaf.queryParams },
    port: leaf.port ?? root.port,
    gateways: leaf.gateways ?? root.gateways,
    source: {
      labels: { ...root.source.labels, ...leaf.source.labels },
      namespace: leaf.source.namespace ?? root.source.namespace,
    },
    statPrefix: leaf.statPrefix ?? root.statPrefix,
  };
}

const own = <T>(map: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;
