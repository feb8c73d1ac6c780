/**
 * `xds.type.matcher.v3`: which action is for something, by a list or a tree of conditions; with the inputs and conditions that we know.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { lazy, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message, type MessageType } from "../types/message.ts";
import { bool, string, uint64 } from "../types/scalars.ts";
import { RuntimeFractionalPercent } from "./core-base.ts";

export const XdsTypedExtensionConfig = message("xds.core.v3.TypedExtensionConfig", {
  name: string(1),
  typedConfig: any(2),
});
export type XdsTypedExtensionConfig = Infer<typeof XdsTypedExtensionConfig>;

export const XdsRegexMatcherGoogleRE2 = message("xds.type.matcher.v3.RegexMatcher.GoogleRE2", {});
export type XdsRegexMatcherGoogleRE2 = Infer<typeof XdsRegexMatcherGoogleRE2>;

export const XdsRegexMatcher = message("xds.type.matcher.v3.RegexMatcher", {
  ...oneof("engine_type", {
    googleRe2: of(1, XdsRegexMatcherGoogleRE2),
  }),
  regex: string(2),
});
export type XdsRegexMatcher = Infer<typeof XdsRegexMatcher>;

export const XdsStringMatcher = message("xds.type.matcher.v3.StringMatcher", {
  ...oneof("match_pattern", {
    exact: string(1),
    prefix: string(2),
    suffix: string(3),
    safeRegex: of(5, XdsRegexMatcher),
    contains: string(7),
  }),
  ignoreCase: bool(6),
});
export type XdsStringMatcher = Infer<typeof XdsStringMatcher>;

export const MatcherSinglePredicate = message("xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate", {
  input: of(1, XdsTypedExtensionConfig),
  ...oneof("matcher", {
    valueMatch: of(2, XdsStringMatcher),
    customMatch: of(3, XdsTypedExtensionConfig),
  }),
});
export type MatcherSinglePredicate = Infer<typeof MatcherSinglePredicate>;

export interface MatcherPredicate {
  readonly singlePredicate?: MatcherSinglePredicate | undefined;
  readonly orMatcher?: MatcherPredicateList | undefined;
  readonly andMatcher?: MatcherPredicateList | undefined;
  readonly notMatcher?: MatcherPredicate | undefined;
}
export const MatcherPredicate: MessageType<MatcherPredicate> = message(
  "xds.type.matcher.v3.Matcher.MatcherList.Predicate",
  {
    ...oneof("match_type", {
      singlePredicate: of(1, MatcherSinglePredicate),
      orMatcher: lazy(2, () => MatcherPredicateList),
      andMatcher: lazy(3, () => MatcherPredicateList),
      notMatcher: lazy(4, () => MatcherPredicate),
    }),
  },
);

export interface MatcherPredicateList {
  readonly predicate?: readonly MatcherPredicate[] | undefined;
}
export const MatcherPredicateList: MessageType<MatcherPredicateList> = message(
  "xds.type.matcher.v3.Matcher.MatcherList.Predicate.PredicateList",
  {
    predicate: repeated(lazy(1, () => MatcherPredicate)),
  },
);

export interface MatcherFieldMatcher {
  readonly predicate?: MatcherPredicate | undefined;
  readonly onMatch?: MatcherOnMatch | undefined;
}
export const MatcherFieldMatcher: MessageType<MatcherFieldMatcher> = message(
  "xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher",
  {
    predicate: of(1, MatcherPredicate),
    onMatch: lazy(2, () => MatcherOnMatch),
  },
);

export const MatcherMatcherList = message("xds.type.matcher.v3.Matcher.MatcherList", {
  matchers: repeated(of(1, MatcherFieldMatcher)),
});
export type MatcherMatcherList = Infer<typeof MatcherMatcherList>;

export interface MatcherMatchMap {
  readonly map?: Readonly<Record<string, MatcherOnMatch>> | undefined;
}
export const MatcherMatchMap: MessageType<MatcherMatchMap> = message(
  "xds.type.matcher.v3.Matcher.MatcherTree.MatchMap",
  {
    map: map(lazy(1, () => MatcherOnMatch)),
  },
);

export const MatcherMatcherTree = message("xds.type.matcher.v3.Matcher.MatcherTree", {
  input: of(1, XdsTypedExtensionConfig),
  ...oneof("tree_type", {
    exactMatchMap: of(2, MatcherMatchMap),
    prefixMatchMap: of(3, MatcherMatchMap),
    customMatch: of(4, XdsTypedExtensionConfig),
  }),
});
export type MatcherMatcherTree = Infer<typeof MatcherMatcherTree>;

export interface MatcherOnMatch {
  readonly matcher?: Matcher | undefined;
  readonly action?: XdsTypedExtensionConfig | undefined;
}
export const MatcherOnMatch: MessageType<MatcherOnMatch> = message("xds.type.matcher.v3.Matcher.OnMatch", {
  ...oneof("on_match", {
    matcher: lazy(1, () => Matcher),
    action: of(2, XdsTypedExtensionConfig),
  }),
});

export interface Matcher {
  readonly matcherList?: MatcherMatcherList | undefined;
  readonly matcherTree?: MatcherMatcherTree | undefined;
  readonly onNoMatch?: MatcherOnMatch | undefined;
}
export const Matcher: MessageType<Matcher> = message("xds.type.matcher.v3.Matcher", {
  ...oneof("matcher_type", {
    matcherList: of(1, MatcherMatcherList),
    matcherTree: of(2, MatcherMatcherTree),
  }),
  onNoMatch: of(3, MatcherOnMatch),
});

/** `envoy.extensions.matching.common_inputs.network.v3`: what is looked at. */
const input = (name: string) => message(`envoy.extensions.matching.common_inputs.network.v3.${name}`, {});

export const SourceIPInput = input("SourceIPInput");
export const SourcePortInput = input("SourcePortInput");
export const DestinationIPInput = input("DestinationIPInput");
export const DestinationPortInput = input("DestinationPortInput");

export const RuntimeFraction = message("envoy.extensions.matching.input_matchers.runtime_fraction.v3.RuntimeFraction", {
  runtimeFraction: of(1, RuntimeFractionalPercent),
  seed: uint64(2),
});
export type RuntimeFraction = Infer<typeof RuntimeFraction>;
