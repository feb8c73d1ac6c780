/**
 * TLS settings for sockets, made of compiled contexts and the secrets of now. The same object is given out until a
 * secret changes, since the library keeps its own context by it.
 *
 * @module
 */
import { crlBlocks } from "../base/crl-pem.ts";
import type { CompiledCluster } from "../engine/cluster/cluster.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import {
  type CertificateSource,
  type DownstreamTls,
  type TlsSource,
  towards,
  type UpstreamTls,
} from "../engine/tls.ts";
import type { ClientTls, ServerTls } from "../net/socket.ts";
import type { DataSource } from "../xds/proto/core-base.ts";
import { type ClientWish, chooseCertificate, type ShownCertificate, shownCertificate } from "./certificate-choice.ts";
import { CertificateNames } from "./certificate-names.ts";
import type { KeyPair, Secrets, SecretValue, TrustedRoots } from "./secrets.ts";

/** Reads a file that a resource names. */
export type ReadFile = (path: string) => string;

export class TlsContexts {
  readonly #secrets: Secrets;
  readonly #readFile: ReadFile;
  readonly #clients = new WeakMap<UpstreamTls, ClientTls>();
  /** One for each certificate, in their order. */
  readonly #servers = new WeakMap<DownstreamTls, ServerTls[]>();
  readonly #shown = new WeakMap<ServerTls, ShownCertificate>();
  readonly #names = new CertificateNames();
  readonly #inline = new WeakMap<object, KeyPair>();

  constructor(secrets: Secrets, readFile: ReadFile) {
    this.#secrets = secrets;
    this.#readFile = readFile;
  }

  /**
   * The settings for an endpoint; undefined for plain text. They are asked for at each dial and throw while a secret is missing.
   * @param host Of the requests that the connections are for; undefined where it does not count.
   */
  clientTls(cluster: CompiledCluster, endpoint: Endpoint, host: string | undefined): (() => ClientTls) | undefined {
    const own = cluster.tlsOf(endpoint);
    const by = cluster.http.serverByHost;
    if (own === undefined) return undefined;
    const tls = host === undefined || by === undefined ? own : towards(own, host, by);
    return () => this.clientOf(tls);
  }

  /** @throws {Error} While a secret is missing. */
  clientOf(tls: UpstreamTls): ClientTls {
    const keyPair = tls.certificate === undefined ? undefined : this.#keyPair(tls.certificate);
    return this.clientWith(tls, keyPair, this.#clients);
  }

  /**
   * Client settings with a given certificate, for calls that are made before there is one or to get one.
   * @param kept Where to keep the settings from one call to the next.
   */
  clientWith(tls: UpstreamTls, keyPair: KeyPair | undefined, kept?: WeakMap<UpstreamTls, ClientTls>): ClientTls {
    const roots = this.#roots(tls);
    const last = kept?.get(tls);
    if (last !== undefined && last.certChainPem === keyPair?.certChainPem && sameRoots(last, roots)) return last;
    const made: ClientTls = {
      certChainPem: keyPair?.certChainPem,
      privateKeyPem: keyPair?.privateKeyPem,
      ...roots,
      sni: tls.sni,
      alpn: tls.alpn,
      limits: tls.limits,
      refusePeer: tls.refuses,
    };
    kept?.set(tls, made);
    return made;
  }

  /**
   * Settings to end TLS with, by the certificate that fits the client best; undefined while a secret is missing, or is none of the kind
   * that is meant.
   * @param hello The client's first message, where several certificates are to be chosen from.
   * @throws {Error} When a file that the context names cannot be read.
   */
  serverTls(tls: DownstreamTls, hello?: ClientWish): ServerTls | undefined {
    // Read before anything is waited for: when secrets come it is too late to refuse the listener.
    if (tls.crl !== undefined) this.#inlineText(tls.crl, crlText);
    const sources = [tls.certificate, ...tls.furtherCertificates];
    const isThere = sources.every((source) => this.#has(source, "keyPair"));
    if (!isThere || (tls.trust !== undefined && !this.#has(tls.trust, "trustedCa"))) return undefined;
    const settings = sources.map((source, i) => this.#serverWith(tls, i, source));
    if (settings.length === 1 || hello === undefined) return settings[0];
    return settings[
      chooseCertificate(
        settings.map((it) => this.#shownBy(it)),
        hello,
        tls.limits.maxVersion,
      )
    ];
  }

  #shownBy(settings: ServerTls): ShownCertificate {
    const known = this.#shown.get(settings) ?? shownCertificate(settings.certChainPem);
    this.#shown.set(settings, known);
    return known;
  }

  #serverWith(tls: DownstreamTls, index: number, source: TlsSource<CertificateSource>): ServerTls {
    const keyPair = this.#keyPair(source);
    const roots = this.#roots(tls);
    const all = this.#servers.get(tls) ?? [];
    const last = all[index];
    if (last !== undefined && last.certChainPem === keyPair.certChainPem && sameRoots(last, roots)) return last;
    const made: ServerTls = {
      ...keyPair,
      ...roots,
      requireClientCertificate: tls.requireClientCertificate,
      refuseUnverified: true,
      letsUnverifiedIn: tls.letsUnverifiedIn,
      alpn: tls.alpn,
      limits: tls.limits,
      refusePeer: tls.refuses,
    };
    all[index] = made;
    this.#servers.set(tls, all);
    return made;
  }

  /** The SPIFFE ID that a context shows; undefined where there is none. */
  spiffeIdOf(tls: Pick<UpstreamTls, "certificate"> | undefined): string | undefined {
    if (tls?.certificate === undefined || !this.#has(tls.certificate, "keyPair")) return undefined;
    return this.#names.spiffeIdOf(this.#keyPair(tls.certificate).certChainPem);
  }

  #has(source: TlsSource<unknown>, kind: SecretValue["t"]): boolean {
    return source.t === "inline" || this.#secrets.get(source.name)?.t === kind;
  }

  #keyPair(source: TlsSource<CertificateSource>): KeyPair {
    if (source.t === "inline") return this.#inlineKeyPair(source.value);
    const secret = this.#secrets.get(source.name);
    if (secret?.t === "keyPair") return { certChainPem: secret.certChainPem, privateKeyPem: secret.privateKeyPem };
    throw new Error(`the certificate ${JSON.stringify(source.name)} is not there yet`);
  }

  #inlineKeyPair(source: CertificateSource): KeyPair {
    const known = this.#inline.get(source);
    if (known !== undefined) return known;
    const pair = {
      certChainPem: textOf(source.chain, this.#readFile),
      privateKeyPem: textOf(source.key, this.#readFile),
    };
    this.#inline.set(source, pair);
    return pair;
  }

  #roots({ trust, crl }: Pick<UpstreamTls, "trust" | "crl">): Roots {
    if (trust === undefined) return NO_ROOTS;
    const { trustedCaPem, crlPem } = this.#trust(trust);
    return { trustedCaPem, crlPem: crlPem ?? (crl && this.#inlineText(crl, crlText)) };
  }

  #trust(source: TlsSource<DataSource>): TrustedRoots {
    if (source.t === "inline") return { trustedCaPem: this.#inlineText(source.value, textOf) };
    const secret = this.#secrets.get(source.name);
    if (secret?.t === "trustedCa") return secret;
    throw new Error(`the roots ${JSON.stringify(source.name)} are not there yet`);
  }

  readonly #texts = new WeakMap<DataSource, string>();

  #inlineText(source: DataSource, read: typeof textOf): string {
    let text = this.#texts.get(source);
    if (text === undefined) {
      text = read(source, this.#readFile);
      this.#texts.set(source, text);
    }
    return text;
  }
}

interface Roots {
  readonly trustedCaPem: string | undefined;
  readonly crlPem: string | undefined;
}

const NO_ROOTS: Roots = { trustedCaPem: undefined, crlPem: undefined };

const sameRoots = (last: ServerTls | ClientTls, { trustedCaPem, crlPem }: Roots): boolean =>
  last.trustedCaPem === trustedCaPem && last.crlPem === crlPem;

/** As {@link textOf}, of revocation lists. @throws {Error} When there is none, too. */
export function crlText(source: DataSource, readFile: ReadFile): string {
  const text = textOf(source, readFile);
  if (crlBlocks(text) !== undefined) return text;
  const place = source.filename === undefined ? "a crl" : `the crl ${source.filename}`;
  throw new Error(`${place} must hold revocation lists in PEM: they cannot be read`);
}

/** What a data source holds. @throws {Error} When its file cannot be read, or it holds nothing. */
export function textOf(source: DataSource, readFile: ReadFile): string {
  if (source.inlineString !== undefined) return source.inlineString;
  if (source.inlineBytes !== undefined) return Buffer.from(source.inlineBytes).toString("utf8");
  if (source.filename !== undefined) return readFile(source.filename);
  throw new Error("a data source must hold filename, inline_string or inline_bytes");
}
