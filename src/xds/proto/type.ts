/**
 * `envoy.type.v3`: percentages, ranges and other small values.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { named, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { double, int32, int64, string, uint32, uint32Value } from "../types/scalars.ts";
import { duration } from "../types/time.ts";

export const Percent = message("envoy.type.v3.Percent", {
  value: double(1),
});
export type Percent = Infer<typeof Percent>;

export const DenominatorType = enumeration("envoy.type.v3.FractionalPercent.DenominatorType", {
  HUNDRED: 0,
  TEN_THOUSAND: 1,
  MILLION: 2,
});
export type DenominatorType = Infer<typeof DenominatorType>;

export const FractionalPercent = message("envoy.type.v3.FractionalPercent", {
  numerator: uint32(1),
  denominator: of(2, DenominatorType),
});
export type FractionalPercent = Infer<typeof FractionalPercent>;

export const Int64Range = message("envoy.type.v3.Int64Range", {
  start: int64(1),
  end: int64(2),
});
export type Int64Range = Infer<typeof Int64Range>;

export const Int32Range = message("envoy.type.v3.Int32Range", {
  start: int32(1),
  end: int32(2),
});
export type Int32Range = Infer<typeof Int32Range>;

export const DoubleRange = message("envoy.type.v3.DoubleRange", {
  start: double(1),
  end: double(2),
});
export type DoubleRange = Infer<typeof DoubleRange>;

export const SemanticVersion = message("envoy.type.v3.SemanticVersion", {
  majorNumber: uint32(1),
  minorNumber: uint32(2),
  patch: uint32(3),
});
export type SemanticVersion = Infer<typeof SemanticVersion>;

export const TokenBucket = message("envoy.type.v3.TokenBucket", {
  maxTokens: uint32(1),
  tokensPerFill: uint32Value(2),
  fillInterval: duration(3),
});
export type TokenBucket = Infer<typeof TokenBucket>;

export const StatusCode = enumeration("envoy.type.v3.StatusCode", {
  Empty: 0,
  Continue: 100,
  OK: 200,
  Created: 201,
  Accepted: 202,
  NonAuthoritativeInformation: 203,
  NoContent: 204,
  ResetContent: 205,
  PartialContent: 206,
  MultiStatus: 207,
  AlreadyReported: 208,
  IMUsed: 226,
  MultipleChoices: 300,
  MovedPermanently: 301,
  Found: 302,
  SeeOther: 303,
  NotModified: 304,
  UseProxy: 305,
  TemporaryRedirect: 307,
  PermanentRedirect: 308,
  BadRequest: 400,
  Unauthorized: 401,
  PaymentRequired: 402,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  ProxyAuthenticationRequired: 407,
  RequestTimeout: 408,
  Conflict: 409,
  Gone: 410,
  LengthRequired: 411,
  PreconditionFailed: 412,
  PayloadTooLarge: 413,
  URITooLong: 414,
  UnsupportedMediaType: 415,
  RangeNotSatisfiable: 416,
  ExpectationFailed: 417,
  MisdirectedRequest: 421,
  UnprocessableEntity: 422,
  Locked: 423,
  FailedDependency: 424,
  UpgradeRequired: 426,
  PreconditionRequired: 428,
  TooManyRequests: 429,
  RequestHeaderFieldsTooLarge: 431,
  InternalServerError: 500,
  NotImplemented: 501,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
  HTTPVersionNotSupported: 505,
  VariantAlsoNegotiates: 506,
  InsufficientStorage: 507,
  LoopDetected: 508,
  NotExtended: 510,
  NetworkAuthenticationRequired: 511,
});
export type StatusCode = Infer<typeof StatusCode>;

export const HttpStatus = message("envoy.type.v3.HttpStatus", {
  code: of(1, StatusCode),
});
export type HttpStatus = Infer<typeof HttpStatus>;

export const HashPolicySourceIp = message("envoy.type.v3.HashPolicy.SourceIp", {});
export type HashPolicySourceIp = Infer<typeof HashPolicySourceIp>;

export const HashPolicyFilterState = message("envoy.type.v3.HashPolicy.FilterState", {
  key: string(1),
});
export type HashPolicyFilterState = Infer<typeof HashPolicyFilterState>;

export const HashPolicy = message("envoy.type.v3.HashPolicy", {
  ...oneof("policy_specifier", {
    sourceIp: of(1, HashPolicySourceIp),
    filterState: of(2, HashPolicyFilterState),
  }),
});
export type HashPolicy = Infer<typeof HashPolicy>;

export const CodecClientType = enumeration("envoy.type.v3.CodecClientType", { HTTP1: 0, HTTP2: 1, HTTP3: 2 });
export type CodecClientType = Infer<typeof CodecClientType>;

export const PathTransformationOperationNormalizePathRFC3986 = message(
  "envoy.type.http.v3.PathTransformation.Operation.NormalizePathRFC3986",
  {},
);
export type PathTransformationOperationNormalizePathRFC3986 = Infer<
  typeof PathTransformationOperationNormalizePathRFC3986
>;

export const PathTransformationOperationMergeSlashes = message(
  "envoy.type.http.v3.PathTransformation.Operation.MergeSlashes",
  {},
);
export type PathTransformationOperationMergeSlashes = Infer<typeof PathTransformationOperationMergeSlashes>;

export const PathTransformationOperation = message("envoy.type.http.v3.PathTransformation.Operation", {
  ...oneof("operation_specifier", {
    normalizePathRfc3986: named("normalize_path_rfc_3986", of(2, PathTransformationOperationNormalizePathRFC3986)),
    mergeSlashes: of(3, PathTransformationOperationMergeSlashes),
  }),
});
export type PathTransformationOperation = Infer<typeof PathTransformationOperation>;

export const PathTransformation = message("envoy.type.http.v3.PathTransformation", {
  operations: repeated(of(1, PathTransformationOperation)),
});
export type PathTransformation = Infer<typeof PathTransformation>;
