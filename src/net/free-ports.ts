/**
 * Free loopback ports, for processes that are told where to listen.
 *
 * They lie below those that the kernel gives to clients (Linux: 32768 to 60999): one of that range that is free now may be
 * the source of somebody's connection by the time that its owner listens.
 *
 * @module
 */
const FIRST_PORT = 12_000;
const PORTS = 20_000;

type Held = ReturnType<typeof hold>;

/**
 * Picks `count` ports that nothing listens on now. All are held open together before they are let go, so that none is
 * given twice; that another program takes one before its owner does cannot be ruled out.
 *
 * @throws {Error} When there are not as many.
 */
export function freePorts(count: number): number[] {
  const held: Held[] = [];
  let at = somewhere();
  for (let tried = 0; held.length < count && tried < PORTS; tried++, at++) {
    const listener = tryHold(FIRST_PORT + (at % PORTS));
    if (listener !== undefined) held.push(listener);
  }
  const ports = held.map((listener) => listener.port);
  for (const listener of held) listener.stop(true);
  if (ports.length < count)
    throw new Error(`cannot find ${count} free ports from ${FIRST_PORT} on: found ${ports.length}`);
  return ports;
}

/** Whether nothing listens on a loopback port now. @param alsoUdp Nor takes datagrams there. */
export function isFreePort(port: number, alsoUdp = false): boolean {
  const listener = tryHold(port);
  listener?.stop(true);
  return listener !== undefined && (!alsoUdp || isFreeForUdp(port));
}

/** A socket of Bun's for an IP address is there at once, though it comes in a promise; what fails is thrown. */
function isFreeForUdp(port: number): boolean {
  try {
    const opening = Bun.udpSocket({ hostname: "127.0.0.1", port });
    void opening.then((socket) => socket.close());
    return true;
  } catch {
    return false;
  }
}

/** A place to start at, another each time: the kernel picks, and its picks are spread. */
function somewhere(): number {
  const listener = hold(0);
  listener.stop(true);
  return listener.port * 7919;
}

function tryHold(port: number): Held | undefined {
  try {
    return hold(port);
  } catch {
    return undefined;
  }
}

const hold = (port: number) => Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
