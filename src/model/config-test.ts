/**
 * What people expect of their own documents: `tulle.dev/v1 ConfigTest`.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { Origin } from "./origin.ts";

export interface ConfigTest {
  readonly origin: Origin;
  readonly cases: readonly ConfigCase[];
}

/** A request that nobody sends, and what shall become of it. */
export interface ConfigCase {
  /** Of a row of a table: the case's own, and the row's number from 1 in brackets. */
  readonly name: string;
  readonly place: Place;
  readonly request: CaseRequest;
  readonly expectations: readonly Expectation[];
}

export interface CaseRequest {
  /** `name` or `namespace/name` of a workload; undefined for a client outside of the mesh. */
  readonly from: string | undefined;
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const OUTCOMES = ["allowed", "denied", "noRoute", "answered", "fails"] as const;
export type ExpectedOutcome = (typeof OUTCOMES)[number];

export const TLS_KINDS = ["mutual TLS", "TLS", "plain text"] as const;
export type ExpectedTls = (typeof TLS_KINDS)[number];

/** One field of `expect`. */
export interface Expectation {
  /** The value's. */
  readonly place: Place;
  /** As a person finds it: `expect.request.headers.x-a`. */
  readonly field: string;
  readonly want: Want;
}

/** What is wanted. A field that the document leaves out asks nothing. */
export type Want =
  | { readonly t: "outcome"; readonly value: ExpectedOutcome }
  /** Of the answer that the mesh gives by itself; an application's is not known. */
  | { readonly t: "status"; readonly value: number }
  | { readonly t: "body"; readonly value: string }
  | { readonly t: "redirect"; readonly value: string }
  /** `rule`, `virtual-service/rule` or `namespace/virtual-service/rule`. */
  | { readonly t: "matchedRule"; readonly value: string }
  | { readonly t: "destinations" | "mirrors"; readonly values: readonly ExpectedDestination[] }
  /** Of every destination; an empty subset is none. */
  | { readonly t: "host" | "subset" | "cluster"; readonly value: string }
  | { readonly t: "port"; readonly value: number }
  /** Names of all that may get the request. */
  | { readonly t: "workloads"; readonly values: readonly string[] }
  /** As the destination sees it. */
  | { readonly t: "path" | "authority"; readonly value: string }
  /** Undefined: it is not there. As the destination sees it. */
  | { readonly t: "requestHeader"; readonly name: string; readonly value: string | undefined }
  /** Undefined: it is taken away. As the caller sees it. */
  | { readonly t: "responseHeader"; readonly name: string; readonly value: string | undefined }
  /** 0: none. */
  | { readonly t: "timeout"; readonly ms: number }
  | { readonly t: "retries"; readonly value: ExpectedRetries }
  | { readonly t: "fault"; readonly value: ExpectedFault }
  /** The policy that decides, as `namespace/name`. */
  | { readonly t: "policy"; readonly value: string }
  | { readonly t: "tls"; readonly value: ExpectedTls };

export interface ExpectedDestination {
  readonly host: string;
  readonly subset: string | undefined;
  /** Undefined: any. */
  readonly port: number | undefined;
  /** Of such requests, or of their copies; undefined: any. */
  readonly percent: number | undefined;
}

export interface ExpectedRetries {
  /** 0: none. */
  readonly attempts: number | undefined;
  readonly perTryTimeoutMs: number | undefined;
  readonly retryOn: readonly string[] | undefined;
}

export interface ExpectedFault {
  readonly delay: { readonly fixedDelayMs: number; readonly percentage: number } | undefined;
  readonly abort:
    | {
        readonly httpStatus: number | undefined;
        readonly grpcStatus: number | undefined;
        readonly percentage: number;
      }
    | undefined;
}
