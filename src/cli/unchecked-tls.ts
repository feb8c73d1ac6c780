/**
 * The environment variable that makes every certificate pass.
 *
 * @module
 */

/** Why nothing of Tulle starts in this environment; undefined when it may. */
export function refuseUncheckedTls(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (environment["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0") return undefined;
  return "NODE_TLS_REJECT_UNAUTHORIZED=0 is set: it turns off the check of certificates in this process, so nobody's identity could be trusted. Unset it and start again";
}
