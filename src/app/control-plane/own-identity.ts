/**
 * The control plane's own SVID, by its own authority, renewed before half its life: the certificate of the port that
 * proxies connect to.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { CertificateAuthority, IssuedSvid } from "../../identity/authority.ts";
import { parseSpiffeId } from "../../identity/spiffe.ts";
import type { Svid } from "../../identity/svid.ts";
import { SvidSource } from "../../identity/svid-source.ts";
import type { ServerTls } from "../../net/socket.ts";

export interface OwnIdentityOptions {
  readonly authority: CertificateAuthority;
  readonly spiffeId: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class OwnIdentity {
  readonly #source: SvidSource;
  #tls: ServerTls;

  private constructor(source: SvidSource, first: Svid) {
    this.#source = source;
    this.#tls = serverTls(first);
    source.onChange((svid) => (this.#tls = serverTls(svid)));
  }

  /** Resolves with the first certificate. @throws {Error} (as rejection) If the authority cannot issue it: later it is tried again. */
  static async start(options: OwnIdentityOptions): Promise<OwnIdentity> {
    const { authority, ttlMs, clock, random, log } = options;
    const spiffeId = parseSpiffeId(options.spiffeId);
    const issue = (csr: string): IssuedSvid => authority.issueSvid({ csr, spiffeId, ttlMs, nowMs: clock.wallMs() });
    let fail: (error: unknown) => void = () => {};
    const failure = new Promise<never>((_, reject) => (fail = reject));
    const requestCertificate = async (csr: string): Promise<IssuedSvid> => {
      try {
        return issue(csr);
      } catch (error) {
        fail(error);
        throw error;
      }
    };
    const source = new SvidSource({ clock, random, log, spiffeId, requestCertificate });
    failure.catch(() => source.stop());
    source.start();
    const first = await Promise.race([source.ready(), failure]);
    // From now on a failure is the source's to repeat.
    fail = () => {};
    return new OwnIdentity(source, first);
  }

  /** How to end TLS at the moment; the same object as long as the certificate is. */
  get tls(): ServerTls {
    return this.#tls;
  }

  get svid(): Pick<Svid, "serial" | "notBeforeMs" | "notAfterMs"> | undefined {
    return this.#source.current;
  }

  stop(): void {
    this.#source.stop();
  }
}

/** A proxy that joins has no certificate yet, so one is asked for but not required; each method looks by itself. */
function serverTls({ certChainPem, privateKeyPem, trustBundlePem }: Svid): ServerTls {
  return {
    certChainPem,
    privateKeyPem,
    trustedCaPem: trustBundlePem,
    requireClientCertificate: false,
    alpn: ["h2"],
    refusePeer: undefined,
  };
}
