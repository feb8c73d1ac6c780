/**
 * `envoy.type.matcher.v3`: matchers of text, numbers, metadata and JSON values.
 *
 * @module
 */
import { lazy, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message, type MessageType } from "../types/message.ts";
import { bool, double, string, uint32Value } from "../types/scalars.ts";
import { DoubleRange } from "./type.ts";

export const DoubleMatcher = message("envoy.type.matcher.v3.DoubleMatcher", {
  ...oneof("match_pattern", {
    range: of(1, DoubleRange),
    exact: double(2),
  }),
});
export type DoubleMatcher = Infer<typeof DoubleMatcher>;

export const RegexMatcherGoogleRE2 = message("envoy.type.matcher.v3.RegexMatcher.GoogleRE2", {
  maxProgramSize: uint32Value(1),
});
export type RegexMatcherGoogleRE2 = Infer<typeof RegexMatcherGoogleRE2>;

export const RegexMatcher = message("envoy.type.matcher.v3.RegexMatcher", {
  ...oneof("engine_type", {
    googleRe2: of(1, RegexMatcherGoogleRE2),
  }),
  regex: string(2),
});
export type RegexMatcher = Infer<typeof RegexMatcher>;

export const RegexMatchAndSubstitute = message("envoy.type.matcher.v3.RegexMatchAndSubstitute", {
  pattern: of(1, RegexMatcher),
  substitution: string(2),
});
export type RegexMatchAndSubstitute = Infer<typeof RegexMatchAndSubstitute>;

export const StringMatcher = message("envoy.type.matcher.v3.StringMatcher", {
  ...oneof("match_pattern", {
    exact: string(1),
    prefix: string(2),
    suffix: string(3),
    safeRegex: of(5, RegexMatcher),
    contains: string(7),
  }),
  ignoreCase: bool(6),
});
export type StringMatcher = Infer<typeof StringMatcher>;

export const ListStringMatcher = message("envoy.type.matcher.v3.ListStringMatcher", {
  patterns: repeated(of(1, StringMatcher)),
});
export type ListStringMatcher = Infer<typeof ListStringMatcher>;

export const ValueMatcherNullMatch = message("envoy.type.matcher.v3.ValueMatcher.NullMatch", {});
export type ValueMatcherNullMatch = Infer<typeof ValueMatcherNullMatch>;

export interface ListMatcher {
  readonly oneOf?: ValueMatcher | undefined;
}
export const ListMatcher: MessageType<ListMatcher> = message("envoy.type.matcher.v3.ListMatcher", {
  ...oneof("match_pattern", {
    oneOf: lazy(1, () => ValueMatcher),
  }),
});

export interface OrMatcher {
  readonly valueMatchers?: readonly ValueMatcher[] | undefined;
}
export const OrMatcher: MessageType<OrMatcher> = message("envoy.type.matcher.v3.OrMatcher", {
  valueMatchers: repeated(lazy(1, () => ValueMatcher)),
});

export interface ValueMatcher {
  readonly nullMatch?: ValueMatcherNullMatch | undefined;
  readonly doubleMatch?: DoubleMatcher | undefined;
  readonly stringMatch?: StringMatcher | undefined;
  readonly boolMatch?: boolean | undefined;
  readonly presentMatch?: boolean | undefined;
  readonly listMatch?: ListMatcher | undefined;
  readonly orMatch?: OrMatcher | undefined;
}
export const ValueMatcher: MessageType<ValueMatcher> = message("envoy.type.matcher.v3.ValueMatcher", {
  ...oneof("match_pattern", {
    nullMatch: of(1, ValueMatcherNullMatch),
    doubleMatch: of(2, DoubleMatcher),
    stringMatch: of(3, StringMatcher),
    boolMatch: bool(4),
    presentMatch: bool(5),
    listMatch: lazy(6, () => ListMatcher),
    orMatch: lazy(7, () => OrMatcher),
  }),
});

export const MetadataMatcherPathSegment = message("envoy.type.matcher.v3.MetadataMatcher.PathSegment", {
  ...oneof("segment", {
    key: string(1),
  }),
});
export type MetadataMatcherPathSegment = Infer<typeof MetadataMatcherPathSegment>;

export const MetadataMatcher = message("envoy.type.matcher.v3.MetadataMatcher", {
  filter: string(1),
  path: repeated(of(2, MetadataMatcherPathSegment)),
  value: of(3, ValueMatcher),
  invert: bool(4),
});
export type MetadataMatcher = Infer<typeof MetadataMatcher>;

export const FilterStateMatcher = message("envoy.type.matcher.v3.FilterStateMatcher", {
  key: string(1),
  ...oneof("matcher", {
    stringMatch: of(2, StringMatcher),
  }),
});
export type FilterStateMatcher = Infer<typeof FilterStateMatcher>;

export const PathMatcher = message("envoy.type.matcher.v3.PathMatcher", {
  ...oneof("rule", {
    path: of(1, StringMatcher),
  }),
});
export type PathMatcher = Infer<typeof PathMatcher>;
