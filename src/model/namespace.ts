/**
 * Kubernetes' Namespaces and ConfigMaps, as far as other documents refer to them.
 *
 * @module
 */
import type { Origin } from "./origin.ts";

export interface Namespace {
  readonly origin: Origin;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ConfigMap {
  readonly origin: Origin;
  readonly namespace: string;
  readonly name: string;
  /** PEM under the key `ca.crt`; undefined where there is none, or none that can be read. */
  readonly trustedCaPem: string | undefined;
  /** Revocation lists of the roots' authorities; undefined: none are asked. */
  readonly crlPem: string | undefined;
}
