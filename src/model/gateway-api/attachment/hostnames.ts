/**
 * Where the hosts of a listener and of a route meet.
 *
 * @module
 */

/** Whether a host, which may be a wildcard, takes in another. `*.example.com` does not take in `example.com`. */
export const covers = (wide: string, host: string): boolean =>
  wide === "*" || wide === host || (wide.startsWith("*.") && host.endsWith(wide.slice(1)));

/**
 * What a route serves at a listener; none at all: they do not meet.
 *
 * @param listener Undefined: every host.
 * @param route Empty: those of the listener.
 */
export function meetingHosts(listener: string | undefined, route: readonly string[]): readonly string[] {
  const wide = listener ?? "*";
  if (route.length === 0) return [wide];
  const meets = route.flatMap((host) => (covers(wide, host) ? [host] : covers(host, wide) ? [wide] : []));
  return [...new Set(meets)];
}

/** Whether {@link meetingHosts} has any. */
export const hostsMeet = (listener: string | undefined, route: readonly string[]): boolean =>
  listener === undefined ||
  route.length === 0 ||
  route.some((host) => covers(listener, host) || covers(host, listener));
