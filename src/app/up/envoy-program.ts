/**
 * How an Envoy is started in the place of Tulle's own proxy.
 *
 * @module
 */

/** How long requests of a listener that has been replaced may take; Istio's default. */
const DRAIN_TIME_S = 45;
const LOG_FLUSH_MS = 250;

/**
 * The command in front of `-c <bootstrap>`.
 *
 * Without hot restart an Envoy shares no memory with others, and so needs no base id. Connections that stand when a
 * listener changes are asked to close with their next answer, not gradually: a policy that has changed holds for them too.
 * Of deprecated fields nothing is said, as by Istio's: each route has one.
 */
export const envoyProgram = (binary: string): readonly string[] => [
  binary,
  "--disable-hot-restart",
  "--concurrency",
  "1",
  "--drain-strategy",
  "immediate",
  "--drain-time-s",
  String(DRAIN_TIME_S),
  "--file-flush-interval-msec",
  String(LOG_FLUSH_MS),
  "--log-level",
  "warning",
  "--component-log-level",
  "misc:error",
];
