/**
 * What an HTTP connection manager needs to serve requests. A change of configuration makes a new one; exchanges that
 * run keep theirs.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { CompiledHttp, Forward, Reply } from "../engine/http.ts";
import type { CompiledRetry } from "../engine/retry.ts";
import type { HttpStats } from "../telemetry/envoy-stats.ts";
import type { ClusterRuntime } from "./cluster-runtime.ts";
import type { Deadlines } from "./deadlines.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import type { Http2Writers } from "./http2/writers.ts";
import type { RequestWriter } from "./http1/request-writer.ts";
import type { ResponseWriter } from "./http1/response-writer.ts";
import type { Turn } from "./turn.ts";

export interface HttpContext {
  readonly http: CompiledHttp;
  readonly clusters: ReadonlyMap<string, ClusterRuntime>;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly requestWriter: RequestWriter;
  readonly responseWriter: ResponseWriter;
  readonly http2Writers: Http2Writers;
  readonly turn: Turn;
  readonly stats: HttpStats;
  /** Of this machine, as mirrors are told where a copy comes from. */
  readonly localAddress: string;
  /** Of a request's body, kept for another attempt at most. */
  readonly bufferLimitBytes: number;
  /** How this side names its workload to a peer of the mesh. */
  readonly peerHeader: string | undefined;
  /** The SPIFFE ID of the certificate that this side shows. */
  localSpiffeId(): string | undefined;
  /** Before the decision: request id, trace context, the path's normal form. A reply refuses the request. */
  prepare(exchange: ExchangeRecord): Reply | undefined;
  /** After it: what goes out where the route rewrites it, and the time it may take. */
  route(exchange: ExchangeRecord, forward: Forward): void;
  /** The retry policy for a request; undefined for none. */
  retryOf(exchange: ExchangeRecord, forward: Forward): CompiledRetry | undefined;
  /** Counts a reply that the proxy makes itself. */
  onReply(exchange: ExchangeRecord, reply: Reply): void;
  /** Called once when an exchange has ended. */
  record(exchange: ExchangeRecord): void;
  /** The process is on its way out: connections close after their answer. */
  isDraining(): boolean;
}
