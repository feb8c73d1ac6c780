/**
 * What holds for all requests of a downstream connection.
 *
 * @module
 */
import type { PeerView } from "../engine/request.ts";
import type { Socket } from "../net/socket.ts";
import type { PeerLabels } from "../telemetry/istio-labels.ts";

export class Connection {
  readonly socket: Socket;
  readonly view: PeerView;
  /** Who the client is, as it said over mutual TLS; undefined until it did. */
  source: PeerLabels | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.view = viewOf(socket);
  }
}

/** What decisions see of a connection. */
export const viewOf = (socket: Socket): PeerView => ({
  tls: socket.secure,
  spiffeId: socket.peer?.spiffeId,
  sni: socket.sni,
  remote: socket.remote,
  local: socket.local,
  directRemote: socket.directRemote,
});
