/**
 * Which SPIFFE IDs a peer may have.
 *
 * The forms are those of Envoy's string matchers on a URI SAN, and one for a whole trust domain. A prefix is a prefix of
 * the text, as in Envoy: `spiffe://td/ns/a` also matches namespace `ab`; end it with `/` to mean the namespace.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { SpiffeId } from "./spiffe.ts";

export type SpiffeMatcher =
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "prefix"; readonly value: string }
  | { readonly kind: "suffix"; readonly value: string }
  | { readonly kind: "contains"; readonly value: string }
  | { readonly kind: "trustDomain"; readonly value: string };

export function matchesSpiffeId(matcher: SpiffeMatcher, id: SpiffeId): boolean {
  switch (matcher.kind) {
    case "exact":
      return id.uri === matcher.value;
    case "prefix":
      return id.uri.startsWith(matcher.value);
    case "suffix":
      return id.uri.endsWith(matcher.value);
    case "contains":
      return id.uri.includes(matcher.value);
    case "trustDomain":
      return id.trustDomain === matcher.value;
    default:
      return unreachable(matcher);
  }
}

/** For messages: `spiffe://td/ns/a/sa/b`, `prefix spiffe://td/`. */
export const describeMatcher = (m: SpiffeMatcher): string =>
  m.kind === "exact" ? m.value : `${m.kind === "trustDomain" ? "trust domain" : m.kind} ${m.value}`;
