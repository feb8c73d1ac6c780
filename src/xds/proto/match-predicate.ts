/**
 * `envoy.config.common.matcher.v3`: conditions on what was sent and answered.
 *
 * @module
 */
import { lazy, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message, type MessageType } from "../types/message.ts";
import { bool, bytes, string, uint32 } from "../types/scalars.ts";
import { HeaderMatcher } from "./route-match.ts";

export const HttpHeadersMatch = message("envoy.config.common.matcher.v3.HttpHeadersMatch", {
  headers: repeated(of(1, HeaderMatcher)),
});
export type HttpHeadersMatch = Infer<typeof HttpHeadersMatch>;

export const GenericTextMatch = message("envoy.config.common.matcher.v3.HttpGenericBodyMatch.GenericTextMatch", {
  ...oneof("rule", { stringMatch: string(1), binaryMatch: bytes(2) }),
});
export type GenericTextMatch = Infer<typeof GenericTextMatch>;

export const HttpGenericBodyMatch = message("envoy.config.common.matcher.v3.HttpGenericBodyMatch", {
  bytesLimit: uint32(1),
  patterns: repeated(of(2, GenericTextMatch)),
});
export type HttpGenericBodyMatch = Infer<typeof HttpGenericBodyMatch>;

export interface MatchPredicateSet {
  readonly rules?: readonly MatchPredicate[] | undefined;
}
export const MatchPredicateSet: MessageType<MatchPredicateSet> = message(
  "envoy.config.common.matcher.v3.MatchPredicate.MatchSet",
  { rules: repeated(lazy(1, () => MatchPredicate)) },
);

export interface MatchPredicate {
  readonly orMatch?: MatchPredicateSet | undefined;
  readonly andMatch?: MatchPredicateSet | undefined;
  readonly notMatch?: MatchPredicate | undefined;
  readonly anyMatch?: boolean | undefined;
  readonly httpRequestHeadersMatch?: HttpHeadersMatch | undefined;
  readonly httpRequestTrailersMatch?: HttpHeadersMatch | undefined;
  readonly httpResponseHeadersMatch?: HttpHeadersMatch | undefined;
  readonly httpResponseTrailersMatch?: HttpHeadersMatch | undefined;
  readonly httpRequestGenericBodyMatch?: HttpGenericBodyMatch | undefined;
  readonly httpResponseGenericBodyMatch?: HttpGenericBodyMatch | undefined;
}
export const MatchPredicate: MessageType<MatchPredicate> = message("envoy.config.common.matcher.v3.MatchPredicate", {
  ...oneof("rule", {
    orMatch: of(1, MatchPredicateSet),
    andMatch: of(2, MatchPredicateSet),
    notMatch: lazy(3, () => MatchPredicate),
    anyMatch: bool(4),
    httpRequestHeadersMatch: of(5, HttpHeadersMatch),
    httpRequestTrailersMatch: of(6, HttpHeadersMatch),
    httpResponseHeadersMatch: of(7, HttpHeadersMatch),
    httpResponseTrailersMatch: of(8, HttpHeadersMatch),
    httpRequestGenericBodyMatch: of(9, HttpGenericBodyMatch),
    httpResponseGenericBodyMatch: of(10, HttpGenericBodyMatch),
  }),
});
