/**
 * `envoy.type.metadata.v3` and `envoy.type.tracing.v3`: keys into metadata, and span tags.
 *
 * @module
 */
import { of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";

export const MetadataKeyPathSegment = message("envoy.type.metadata.v3.MetadataKey.PathSegment", {
  ...oneof("segment", {
    key: string(1),
  }),
});
export type MetadataKeyPathSegment = Infer<typeof MetadataKeyPathSegment>;

export const MetadataKey = message("envoy.type.metadata.v3.MetadataKey", {
  key: string(1),
  path: repeated(of(2, MetadataKeyPathSegment)),
});
export type MetadataKey = Infer<typeof MetadataKey>;

export const MetadataKindRequest = message("envoy.type.metadata.v3.MetadataKind.Request", {});
export type MetadataKindRequest = Infer<typeof MetadataKindRequest>;

export const MetadataKindRoute = message("envoy.type.metadata.v3.MetadataKind.Route", {});
export type MetadataKindRoute = Infer<typeof MetadataKindRoute>;

export const MetadataKindCluster = message("envoy.type.metadata.v3.MetadataKind.Cluster", {});
export type MetadataKindCluster = Infer<typeof MetadataKindCluster>;

export const MetadataKindHost = message("envoy.type.metadata.v3.MetadataKind.Host", {});
export type MetadataKindHost = Infer<typeof MetadataKindHost>;

export const MetadataKind = message("envoy.type.metadata.v3.MetadataKind", {
  ...oneof("kind", {
    request: of(1, MetadataKindRequest),
    route: of(2, MetadataKindRoute),
    cluster: of(3, MetadataKindCluster),
    host: of(4, MetadataKindHost),
  }),
});
export type MetadataKind = Infer<typeof MetadataKind>;

export const CustomTagLiteral = message("envoy.type.tracing.v3.CustomTag.Literal", {
  value: string(1),
});
export type CustomTagLiteral = Infer<typeof CustomTagLiteral>;

export const CustomTagEnvironment = message("envoy.type.tracing.v3.CustomTag.Environment", {
  name: string(1),
  defaultValue: string(2),
});
export type CustomTagEnvironment = Infer<typeof CustomTagEnvironment>;

export const CustomTagHeader = message("envoy.type.tracing.v3.CustomTag.Header", {
  name: string(1),
  defaultValue: string(2),
});
export type CustomTagHeader = Infer<typeof CustomTagHeader>;

export const CustomTagMetadata = message("envoy.type.tracing.v3.CustomTag.Metadata", {
  kind: of(1, MetadataKind),
  metadataKey: of(2, MetadataKey),
  defaultValue: string(3),
});
export type CustomTagMetadata = Infer<typeof CustomTagMetadata>;

export const CustomTag = message("envoy.type.tracing.v3.CustomTag", {
  tag: string(1),
  ...oneof("type", {
    literal: of(2, CustomTagLiteral),
    environment: of(3, CustomTagEnvironment),
    requestHeader: of(4, CustomTagHeader),
    metadata: of(5, CustomTagMetadata),
  }),
});
export type CustomTag = Infer<typeof CustomTag>;
