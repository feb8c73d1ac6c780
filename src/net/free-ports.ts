/**
 * Free loopback ports, for processes that are told where to listen.
 *
 * @module
 */

/**
 * Picks `count` ports that nothing listens on now. All are held open together before they are let go, so that none is
 * given twice; that another program takes one before its owner does cannot be ruled out.
 */
export function freePorts(count: number): number[] {
  const held = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }),
  );
  const ports = held.map((listener) => listener.port);
  for (const listener of held) listener.stop(true);
  return ports;
}

/** Whether nothing listens on a loopback port now. */
export function isFreePort(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
