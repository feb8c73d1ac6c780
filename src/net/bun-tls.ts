/**
 * TLS on a native socket, as server and as client, with the checks that Bun leaves to us.
 *
 * @module
 */
import type { Socket as NativeSocket, TLSOptions } from "bun";
import { BunSocket, rawHandlers, type SocketState } from "./bun-socket.ts";
import { alpnWire, peerIdentity } from "./peer.ts";
import { type ClientTls, deafHandler, type ServerTls, type Socket } from "./socket.ts";

type Raw = NativeSocket<SocketState>;

/** Fields that Bun takes and its types of 1.4.5 lack: `isServer`, and the bytes that were read before the upgrade. */
interface Upgrade {
  readonly tls: TLSOptions;
  readonly isServer?: boolean;
  readonly initialData?: Uint8Array;
  readonly data: SocketState;
  readonly socket: object;
}
type Upgradable = { upgradeTLS(options: Upgrade): [Raw, Raw] };

/** A context costs 50 kB and half a millisecond: the same settings get the same options object, and Bun its context by it. */
const serverOptions = new WeakMap<ServerTls, TLSOptions>();
const clientOptions = new WeakMap<ClientTls, TLSOptions>();

function optionsOfServer(tls: ServerTls): TLSOptions {
  let options = serverOptions.get(tls);
  if (options === undefined) {
    options = {
      cert: tls.certChainPem,
      key: tls.privateKeyPem,
      requestCert: tls.trustedCaPem !== undefined,
      rejectUnauthorized: tls.requireClientCertificate,
      ...(tls.trustedCaPem === undefined ? {} : { ca: tls.trustedCaPem }),
      ...(tls.alpn.length === 0 ? {} : { ALPNProtocols: alpnWire(tls.alpn) }),
      ...limitOptions(tls),
    };
    serverOptions.set(tls, options);
  }
  return options;
}

/** SSL_OP_NO_TLSv1_2 and SSL_OP_NO_TLSv1_3 of OpenSSL: a minimum and maximum that Bun 1.4.5 takes on native sockets. */
const NO_TLS_1_2 = 0x0800_0000;
const NO_TLS_1_3 = 0x2000_0000;

function limitOptions({ limits }: ServerTls | ClientTls): Pick<TLSOptions, "secureOptions" | "ciphers"> {
  if (limits === undefined) return {};
  const secureOptions = (limits.minVersion === "1.3" ? NO_TLS_1_2 : 0) | (limits.maxVersion === "1.2" ? NO_TLS_1_3 : 0);
  return {
    ...(secureOptions === 0 ? {} : { secureOptions }),
    ...(limits.cipherSuites.length === 0 ? {} : { ciphers: limits.cipherSuites.join(":") }),
  };
}

function optionsOfClient(tls: ClientTls): TLSOptions {
  let options = clientOptions.get(tls);
  if (options === undefined) {
    options = {
      // Bun checks no names on native sockets and would refuse certificates without one: the chain's verdict is read in `refusal`.
      rejectUnauthorized: false,
      ...(tls.certChainPem === undefined ? {} : { cert: tls.certChainPem }),
      ...(tls.privateKeyPem === undefined ? {} : { key: tls.privateKeyPem }),
      ...(tls.trustedCaPem === undefined ? {} : { ca: tls.trustedCaPem }),
      ...(tls.sni === undefined ? {} : { serverName: tls.sni }),
      ...(tls.alpn.length === 0 ? {} : { ALPNProtocols: alpnWire(tls.alpn) }),
      ...limitOptions(tls),
    };
    clientOptions.set(tls, options);
  }
  return options;
}

/** Ends TLS on `raw`, whose first bytes were read already. */
export function startServerTls(
  raw: Raw,
  tls: ServerTls,
  first: Uint8Array,
  onOpen: (secure: BunSocket) => void,
  onFail: (error: Error) => void,
): void {
  const state: SocketState = { socket: undefined };
  const done = (secure: Raw, error: Error | null, ok: boolean): void => {
    // An untrusted client is ok here, one with which there is no common version or cipher is not.
    if (!ok) {
      secure.terminate();
      return onFail(new Error(`handshake failed: ${error?.message ?? "no reason was given"}`));
    }
    const peer = secure.authorized && tls.trustedCaPem !== undefined ? certificateOf(secure) : undefined;
    const why = refusalOfClient(tls, secure, peer);
    if (why !== undefined) {
      secure.terminate();
      return onFail(new Error(why));
    }
    const sni = secure.getServername();
    state.socket = new BunSocket(secure, {
      peer,
      alpn: alpnOf(secure),
      sni: typeof sni === "string" ? sni : undefined,
    });
    onOpen(state.socket);
  };
  upgrade(
    raw,
    { tls: optionsOfServer(tls), isServer: true, initialData: first, data: state, socket: {} },
    done,
    (why) => onFail(new Error(why)),
  );
}

function refusalOfClient(tls: ServerTls, secure: Raw, peer: ReturnType<typeof certificateOf>): string | undefined {
  if (peer === undefined) {
    const wrong = tls.refuseUnverified === true && secure.getPeerX509Certificate() !== undefined;
    if (!tls.requireClientCertificate && !wrong) return undefined;
    return `client certificate refused: ${authorizationError(secure) ?? "none was given"}`;
  }
  return tls.refusePeer?.(peer);
}

/** Starts TLS on `raw`, just connected; `onFail` gets the reason in words. */
export function startClientTls(
  raw: Raw,
  tls: ClientTls,
  onOpen: (secure: Socket) => void,
  onFail: (why: string) => void,
): void {
  const state: SocketState = { socket: undefined };
  const done = (secure: Raw, error: Error | null): void => {
    const peer = certificateOf(secure);
    const why = refusalOfServer(tls, error, peer);
    if (why !== undefined) {
      secure.terminate();
      return onFail(why);
    }
    state.socket = new BunSocket(secure, { peer, alpn: alpnOf(secure), sni: tls.sni });
    onOpen(state.socket);
  };
  upgrade(raw, { tls: optionsOfClient(tls), data: state, socket: {} }, done, onFail);
}

/** The chain's verdict comes first in Bun: the name error means that the chain is good, and names are checked here. */
function refusalOfServer(
  tls: ClientTls,
  error: Error | null,
  peer: ReturnType<typeof certificateOf>,
): string | undefined {
  const code = error === null ? undefined : String("code" in error ? error.code : error.message);
  if (code !== undefined && code !== "ERR_TLS_CERT_ALTNAME_INVALID") return `server certificate refused: ${code}`;
  if (peer === undefined) return "server certificate refused: none was given";
  return tls.refusePeer(peer);
}

function upgrade(
  raw: Raw,
  options: Upgrade,
  onHandshake: (secure: Raw, error: Error | null, ok: boolean) => void,
  onFail: (why: string) => void,
): void {
  let shaken = false;
  const under = raw.data;
  const closed = (error: Error | undefined): void => {
    if (options.data.socket !== undefined) return options.data.socket.closed(error);
    if (shaken) return;
    shaken = true;
    onFail(`connection closed during the TLS handshake${error === undefined ? "" : `: ${error.message}`}`);
  };
  const socket = {
    ...rawHandlers,
    open() {},
    handshake(secure: Raw, ok: boolean, error: Error | null): void {
      if (shaken) return;
      shaken = true;
      onHandshake(secure, error, ok);
    },
    close: (_: Raw, error?: Error): void => closed(error),
    error: (_: Raw, error: Error): void => closed(error),
  };
  if (under.socket !== undefined) under.socket.handler = { ...deafHandler, onClose: closed };
  try {
    const [, secure] = (raw as unknown as Upgradable).upgradeTLS({ ...options, socket });
    if (under.socket !== undefined) under.socket.raw = secure;
  } catch (cause) {
    // Suites that the library does not know are told only when a context is made of them.
    shaken = true;
    raw.terminate();
    onFail(`TLS cannot be spoken: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function certificateOf(secure: Raw) {
  const certificate = secure.getPeerX509Certificate();
  return certificate ? peerIdentity(certificate) : undefined;
}

function alpnOf(secure: Raw): string | undefined {
  return typeof secure.alpnProtocol === "string" && secure.alpnProtocol !== "" ? secure.alpnProtocol : undefined;
}

function authorizationError(secure: Raw): string | undefined {
  const error = secure.getAuthorizationError();
  return error === null || error === undefined ? undefined : String("code" in error ? error.code : error.message);
}
