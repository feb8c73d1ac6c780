/**
 * What a connection is to the rest of the project. `bun-network.ts` makes them of real sockets,
 * `memory-network.ts` of nothing; both pass `tests/suites/network.ts`.
 *
 * @module
 */

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** One connection, plain or TLS. */
export interface Socket {
  /** Who is told of what happens; may be replaced at any time. */
  handler: SocketHandler;
  /** The other side's certificate, its chain verified against the trusted CA; undefined on plaintext or where none was given. */
  readonly peer: PeerIdentity | undefined;
  /** The protocol that ALPN settled on. */
  readonly alpn: string | undefined;
  /** The server name that a TLS client asked for. */
  readonly sni: string | undefined;
  readonly secure: boolean;
  /** Whom it speaks with: the other end, or whom that speaks for (see {@link AcceptedSocket.speakFor}). */
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  /** Where it was dialed to, of a connection that was led here; known once {@link AcceptedSocket.restoreDestination} was called. */
  readonly originalDestination: SocketAddress | undefined;
  /** The other end of the connection itself. */
  readonly directRemote: SocketAddress;
  /**
   * Takes bytes and returns how many were taken, 0 when the kernel's buffer is full or the socket is closed.
   * The rest must be written again after `onDrain`.
   */
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  /** Stops reading: no `onData` until `resume`, so the other side feels the pressure. */
  pause(): void;
  resume(): void;
  /** Half-closes: what was written is delivered, then the other side reads the end. */
  end(): void;
  /** Stops reading and closes; what was written is still delivered. */
  close(): void;
  /** Closes at once: the other side may see a reset, and lose what it has not read. */
  destroy(): void;
}

export interface SocketHandler {
  /** Bytes arrived. They belong to the handler. */
  onData(chunk: Uint8Array): void;
  /** A `write` that took less than all may be tried again. */
  onDrain(): void;
  /** The other side half-closed. */
  onEnd(): void;
  /** The last call, and it always comes. */
  onClose(error: Error | undefined): void;
}

/** The verified certificate of a peer. */
export interface PeerIdentity {
  /** DER. */
  readonly raw: Uint8Array;
  /** The certificate's only URI SAN; undefined where there is none or more than one. */
  readonly spiffeId: string | undefined;
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly subject: string;
  readonly notAfterMs: number;
  /** SHA-256 of the certificate, lower-case hex without colons. */
  readonly fingerprint256: string;
  /** SHA-256 of its public key with its algorithm (`SubjectPublicKeyInfo`), base64. */
  readonly spkiSha256: string;
}

/** How a server ends TLS. Equal objects share one context: keep and reuse them. */
export interface ServerTls {
  readonly certChainPem: string;
  readonly privateKeyPem: string;
  /** Asks for a client certificate and verifies its chain against these. */
  readonly trustedCaPem: string | undefined;
  /** Revocation lists in PEM: of each authority of a client's chain there must be a current one. Undefined: none are asked. */
  readonly crlPem?: string | undefined;
  /** Closes the connection when no valid client certificate comes. Needs `trustedCaPem`. */
  readonly requireClientCertificate: boolean;
  /** Closes the connection when a certificate is shown that does not verify; else it counts as none. @default false */
  readonly refuseUnverified?: boolean;
  /** Nobody is kept out for what is shown: who is not valid or not welcome counts as one that shows none. @default false */
  readonly letsUnverifiedIn?: boolean;
  /** In order of preference. */
  readonly alpn: readonly string[];
  /** Undefined: the library's, TLS 1.2 and 1.3. */
  readonly limits?: TlsLimits | undefined;
  /** Says why a verified peer is refused, or undefined when it is welcome. Asked before any byte is delivered. */
  readonly refusePeer: ((peer: PeerIdentity) => string | undefined) | undefined;
}

/** Which versions are spoken. */
export interface TlsLimits {
  readonly minVersion: "1.2" | "1.3";
  readonly maxVersion: "1.2" | "1.3";
  /** For TLS 1.2, by OpenSSL's names; empty for the library's choice. */
  readonly cipherSuites: readonly string[];
}

/** How a client starts TLS. The chain is always verified, against the system's roots where `trustedCaPem` is not given. */
export interface ClientTls {
  readonly certChainPem: string | undefined;
  readonly privateKeyPem: string | undefined;
  readonly trustedCaPem: string | undefined;
  /** Revocation lists in PEM: of each authority of the server's chain there must be a current one. Undefined: none are asked. */
  readonly crlPem?: string | undefined;
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
  /** Undefined: the library's, TLS 1.2 and 1.3. */
  readonly limits?: TlsLimits | undefined;
  /** Says why a server whose chain verified is refused, or undefined when it is the one that was meant. */
  readonly refusePeer: (peer: PeerIdentity) => string | undefined;
}

export interface DialOptions {
  readonly address: string;
  readonly port: number;
  /** A unix socket's path, in place of address and port. */
  readonly path?: string;
  readonly tls?: ClientTls;
  /** Goes out before anything else, TLS too: a PROXY protocol header. */
  readonly preface?: Uint8Array;
  /** The address of this machine to call from; the system chooses one where it is not given. */
  readonly localAddress?: string;
  /** For TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** How long the connection may be silent before the kernel asks whether the peer is there. */
  readonly keepAliveMs?: number;
}

/** Why a dial failed. `tls`: connected, but the handshake or the peer's identity was refused; `dns`: the name has no address. */
export class DialError extends Error {
  override readonly name = "DialError";
  readonly kind: "refused" | "timeout" | "tls" | "dns" | "other";

  constructor(kind: DialError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface ListenOptions {
  /** Tells listeners apart that have the same address; nothing is done with it. */
  readonly name?: string;
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly path?: string;
  /** Ends TLS on every connection; asked anew for each, so that a rotated certificate is used at once. */
  readonly tls?: () => ServerTls;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; connections live on. */
  close(): void;
}

/** A socket that may still become TLS, for listeners that look at the first bytes. */
export interface AcceptedSocket extends Socket {
  /** The other end is a proxy that told whom this connection is from, and where it was meant to go. TLS that starts later keeps it. */
  speakFor(remote: SocketAddress, local: SocketAddress): void;
  /** Of a connection that the kernel led here: `local` is where it was meant to go from now on. TLS that starts later keeps it. */
  restoreDestination(): void;
  /**
   * Ends TLS from here. `first` are the bytes that were read already.
   * Then either `onOpen` with the secure socket, before any of its data, or `onFail` with the connection closed.
   * This socket must not be used any more.
   */
  startTls(tls: ServerTls, first: Uint8Array, onOpen: (secure: Socket) => void, onFail: (error: Error) => void): void;
}

export interface Network {
  /** Rejects with an error that names address and port when it cannot listen. */
  listen(options: ListenOptions, onConnection: (socket: AcceptedSocket) => void): Promise<Listener>;
  /** Exactly one of the two callbacks comes, `onOpen` after the TLS handshake and the identity check. */
  dial(options: DialOptions, onOpen: (socket: Socket) => void, onFail: (error: DialError) => void): void;
}

/** A handler that ignores everything, for sockets on their way out. */
export const deafHandler: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
