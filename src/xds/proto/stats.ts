/**
 * `envoy.config.metrics.v3`: names and tags of statistics.
 *
 * @module
 */
import { any } from "../types/any.ts";
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, boolValue, double, string } from "../types/scalars.ts";
import { ListStringMatcher, StringMatcher } from "./matcher.ts";

export const TagSpecifier = message("envoy.config.metrics.v3.TagSpecifier", {
  tagName: string(1),
  ...oneof("tag_value", {
    regex: string(2),
    fixedValue: string(3),
  }),
});
export type TagSpecifier = Infer<typeof TagSpecifier>;

export const StatsMatcher = message("envoy.config.metrics.v3.StatsMatcher", {
  ...oneof("stats_matcher", {
    rejectAll: bool(1),
    exclusionList: of(2, ListStringMatcher),
    inclusionList: of(3, ListStringMatcher),
  }),
});
export type StatsMatcher = Infer<typeof StatsMatcher>;

export const HistogramBucketSettings = message("envoy.config.metrics.v3.HistogramBucketSettings", {
  match: of(1, StringMatcher),
  buckets: repeated(double(2)),
});
export type HistogramBucketSettings = Infer<typeof HistogramBucketSettings>;

export const StatsConfig = message("envoy.config.metrics.v3.StatsConfig", {
  statsTags: repeated(of(1, TagSpecifier)),
  useAllDefaultTags: boolValue(2),
  statsMatcher: of(3, StatsMatcher),
  histogramBucketSettings: repeated(of(4, HistogramBucketSettings)),
});
export type StatsConfig = Infer<typeof StatsConfig>;

export const StatsSink = message("envoy.config.metrics.v3.StatsSink", {
  name: string(1),
  ...oneof("config_type", {
    typedConfig: any(3),
  }),
});
export type StatsSink = Infer<typeof StatsSink>;
