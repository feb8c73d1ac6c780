/**
 * What is set for a whole control plane.
 *
 * @module
 */

export interface TranslateOptions {
  /** File that access logs go to; undefined: none are written. */
  readonly accessLogPath: string | undefined;
  /** Envoy's format string, with its newline. */
  readonly accessLogFormat: string;
  /** Names this cluster of machines in metrics. */
  readonly clusterId: string;
  /** Certificates that SIMPLE and MUTUAL check servers against where `caCertificates` is not given. */
  readonly systemRootsFile: string;
}

/** Istio's default text format. */
const ISTIO_FORMAT =
  "[%START_TIME%] " +
  '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" ' +
  "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% " +
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" ' +
  "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% " +
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" ' +
  "%UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% " +
  "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

export const defaultTranslateOptions: TranslateOptions = {
  accessLogPath: "/dev/stdout",
  accessLogFormat: ISTIO_FORMAT,
  clusterId: "Kubernetes",
  systemRootsFile: "/etc/ssl/certs/ca-certificates.crt",
};
