/**
 * The vocabulary of `retry_on`, as bits.
 *
 * Source: `x-envoy-retry-on` and `x-envoy-retry-grpc-on` of Envoy's router filter. As there, words that are not known
 * are passed over. `http3-post-connect-failure` is known and never true: there is no HTTP/3.
 *
 * @module
 */

/** The bits. A set of conditions is their sum. */
export const RETRY_ON = {
  "5xx": 1 << 0,
  "gateway-error": 1 << 1,
  reset: 1 << 2,
  "reset-before-request": 1 << 3,
  "connect-failure": 1 << 4,
  "refused-stream": 1 << 5,
  "retriable-4xx": 1 << 6,
  "retriable-status-codes": 1 << 7,
  "retriable-headers": 1 << 8,
  "envoy-ratelimited": 1 << 9,
  "http3-post-connect-failure": 1 << 10,
  cancelled: 1 << 11,
  "deadline-exceeded": 1 << 12,
  internal: 1 << 13,
  "resource-exhausted": 1 << 14,
  unavailable: 1 << 15,
} as const satisfies Readonly<Record<string, number>>;

const BITS: ReadonlyMap<string, number> = new Map(Object.entries(RETRY_ON));

/** The bit of each gRPC status that a policy can name. */
const GRPC_BITS: ReadonlyMap<string, number> = new Map([
  ["1", RETRY_ON.cancelled],
  ["4", RETRY_ON["deadline-exceeded"]],
  ["8", RETRY_ON["resource-exhausted"]],
  ["13", RETRY_ON.internal],
  ["14", RETRY_ON.unavailable],
]);

const GRPC_MASK = [...GRPC_BITS.values()].reduce((all, bit) => all | bit, 0);

/** The bits of a list of conditions, separated by commas. */
export function parseRetryOn(list: string): number {
  return list.split(",").reduce((bits, word) => bits | (BITS.get(word.trim()) ?? 0), 0);
}

/** As {@link parseRetryOn}, for a header that may name conditions of its own kind only. */
export const parseHttpRetryOn = (list: string): number => parseRetryOn(list) & ~GRPC_MASK;
export const parseGrpcRetryOn = (list: string): number => parseRetryOn(list) & GRPC_MASK;

/** Whether any condition of `bits` looks at `grpc-status`. */
export const asksGrpcStatus = (bits: number): boolean => (bits & GRPC_MASK) !== 0;

/** The bit of a `grpc-status` header; 0 for one that no condition names. */
export const grpcStatusBit = (status: string): number => GRPC_BITS.get(status) ?? 0;
