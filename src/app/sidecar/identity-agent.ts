/**
 * The agent beside a proxy, in its own process: asks the control plane for certificates, keeps them fresh, and gives
 * them to the proxy as secrets. Private keys are made here and stay here.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Svid } from "../../identity/svid.ts";
import { type RequestCertificate, SvidSource } from "../../identity/svid-source.ts";
import type { Secrets } from "../../proxy/secrets.ts";
import { callUnary } from "../../xds/grpc-unary.ts";
import type { GrpcClient } from "../../xds/grpc-client.ts";
import { IstioCertificateRequest, IstioCertificateResponse } from "../../xds/proto/istio-ca.ts";
import { decode, encode } from "../../xds/types/codec.ts";

/** Secret with the roots that peers are checked against, as Istio names it. */
export const ROOT_SECRET = "ROOTCA";

const METHOD = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

export interface AgentIdentity {
  readonly secretName: string;
  /** Read when it is needed: for the first certificate only. */
  readonly joinToken: () => string;
}

export interface IdentityAgentOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly secrets: Secrets;
  readonly identities: readonly AgentIdentity[];
  /** A client of the control plane that shows `current`, or nothing while there is none. The caller closes it. */
  readonly clientFor: (current: Svid | undefined) => GrpcClient;
}

export class IdentityAgent {
  readonly #options: IdentityAgentOptions;
  readonly #sources = new Map<string, SvidSource>();

  constructor(options: IdentityAgentOptions) {
    this.#options = options;
    const { clock, random, log, secrets } = options;
    for (const identity of options.identities) {
      const source = new SvidSource({ clock, random, log, requestCertificate: this.#requester(identity) });
      source.onChange((svid) => {
        // Roots first: whoever gets the certificate can check others with it at once.
        secrets.set(ROOT_SECRET, { t: "trustedCa", trustedCaPem: svid.trustBundlePem });
        secrets.set(identity.secretName, {
          t: "keyPair",
          certChainPem: svid.certChainPem,
          privateKeyPem: svid.privateKeyPem,
        });
        log.info("certificate", { secret: identity.secretName, expires: new Date(svid.notAfterMs).toISOString() });
      });
      this.#sources.set(identity.secretName, source);
    }
  }

  #requester(identity: AgentIdentity): RequestCertificate {
    return async (csrPem, current) => {
      const client = this.#options.clientFor(current);
      try {
        const metadata = current === undefined ? ["authorization", `Bearer ${identity.joinToken()}`] : [];
        const request = encode(IstioCertificateRequest, { csr: csrPem });
        const answer = await callUnary(client, METHOD, request, { metadata, timeoutMs: 10_000 });
        return splitChain(decode(IstioCertificateResponse, answer).certChain ?? []);
      } finally {
        client.close();
      }
    };
  }

  start(): void {
    for (const source of this.#sources.values()) source.start();
  }

  stop(): void {
    for (const source of this.#sources.values()) source.stop();
  }

  /** Resolves when every identity has its first certificate. */
  async ready(): Promise<void> {
    await Promise.all([...this.#sources.values()].map((source) => source.ready()));
  }

  /** The certificates in use, by the name of their secret. */
  current(): ReadonlyMap<string, Svid | undefined> {
    return new Map([...this.#sources].map(([name, source]) => [name, source.current]));
  }
}

/** The leaf comes first and the roots last: those that are their own issuer are trusted, the others are shown. */
function splitChain(certificates: readonly string[]): { certChainPem: string; trustBundlePem: string } {
  if (certificates.length < 2)
    throw new Error(`the control plane sent ${certificates.length} certificates: at least a leaf and a root must come`);
  const root = certificates.at(-1) as string;
  return { certChainPem: certificates.slice(0, -1).map(ended).join(""), trustBundlePem: ended(root) };
}

const ended = (pem: string): string => (pem.endsWith("\n") ? pem : `${pem}\n`);
