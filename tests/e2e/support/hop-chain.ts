/**
 * One or more proxies in a row, all ours or all Envoys, each with a bootstrap of its own: plaintext in, mutual TLS with
 * HTTP/2 between them, plaintext out.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { TestCa } from "../../support/certificates.ts";
import { type Hop, hopBootstrap, type HopTls } from "../../support/hop-bootstrap.ts";
import { ProxyProcess } from "./proxy-process.ts";

export interface ChainOptions {
  /** Default 1. */
  readonly hops?: 1 | 2;
  readonly upstream: number;
  /** Of the endpoint behind the last hop. */
  readonly http2?: boolean;
  readonly manager?: Hop["manager"];
  readonly maxRequestsPerConnection?: number;
}

export class HopChain {
  /** Where clients connect, in plaintext. */
  readonly port: number;
  readonly #folder: string;
  readonly #proxies: readonly ProxyProcess[];

  private constructor(port: number, folder: string, proxies: readonly ProxyProcess[]) {
    this.port = port;
    this.#folder = folder;
    this.#proxies = proxies;
  }

  /** @param program In front of `-c <bootstrap>`. */
  static async start(program: readonly string[], options: ChainOptions): Promise<HopChain> {
    const folder = mkdtempSync(join(tmpdir(), "tulle-chain-"));
    const tls = testTls(folder);
    const proxies: ProxyProcess[] = [];
    let upstream = options.upstream;
    const hops = options.hops ?? 1;
    try {
      for (let i = hops; i > 0; i--) {
        const [before, after] = [i > 1, i < hops];
        let port = 0;
        const proxy = await ProxyProcess.start(program, join(folder, `hop-${i}`), () => {
          const [admin = 0, listen = 0] = freePorts(2);
          port = listen;
          const hop: Hop = {
            admin,
            listen,
            upstream,
            http2: after || options.http2 === true,
            ...(before ? { tlsIn: tls } : {}),
            ...(after ? { tlsOut: tls } : {}),
            ...(options.manager === undefined ? {} : { manager: options.manager }),
            ...(options.maxRequestsPerConnection === undefined
              ? {}
              : { maxRequestsPerConnection: options.maxRequestsPerConnection }),
          };
          return [hopBootstrap(hop), admin];
        });
        proxies.push(proxy);
        upstream = port;
      }
    } catch (error) {
      await Promise.all(proxies.map((it) => it.stop()));
      throw error;
    }
    return new HopChain(upstream, folder, proxies);
  }

  get areRunning(): boolean {
    return this.#proxies.every((it) => it.isRunning);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((it) => it.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function testTls(folder: string): HopTls {
  const ca = new TestCa();
  const { certChainPem, privateKeyPem } = ca.svid("spiffe://cluster.local/ns/default/sa/app");
  const write = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    certChain: write("cert.pem", certChainPem),
    privateKey: write("key.pem", privateKeyPem),
    trustedCa: write("ca.pem", ca.bundlePem),
  };
}
