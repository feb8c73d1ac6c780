/**
 * Which of several certificates a client is shown, and who is let in where lists revoke: a real Envoy and our proxy from one bootstrap, asked
 * by OpenSSL.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { freePorts } from "../../src/net/free-ports.ts";
import { Bootstrap } from "../../src/xds/proto/bootstrap.ts";
import type { Cluster } from "../../src/xds/proto/cluster.ts";
import type { Listener } from "../../src/xds/proto/listener.ts";
import {
  type CertificateValidationContext,
  type CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "../../src/xds/proto/tls.ts";
import { pack } from "../../src/xds/types/any.ts";
import { toJson } from "../../src/xds/types/codec.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { hasOpenssl, type IssuedPair, OpensslCa } from "../support/openssl-ca.ts";
import { cluster, httpListener, route, routes } from "../support/proxy-resources.ts";
import { call } from "./support/call.ts";
import { type EdgeCall, askEdge } from "./support/edge-client.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "./support/proxy-process.ts";

const binary = await ensureEnvoy();

describe.skipIf(binary === undefined || !hasOpenssl)("certificates, beside a real Envoy", () => {
  const folder = mkdtempSync(join(tmpdir(), "tulle-certificates-"));
  const running: ProxyProcess[] = [];
  let files = 0;
  /** By a file: a key is printed nowhere. */
  const shown = ({ certChainPem, privateKeyPem }: IssuedPair) => {
    const filename = join(folder, `${files++}.key`);
    writeFileSync(filename, privateKeyPem);
    return { certificateChain: { inlineString: certChainPem }, privateKey: { filename } };
  };
  const servers: Server[] = [];
  const root = new OpensslCa("root");
  const middle = new OpensslCa("middle", root);
  const stranger = new OpensslCa("stranger");
  afterAll(async () => {
    await Promise.all(running.map((process) => process.stop()));
    for (const server of servers) server.close();
    for (const ca of [root, middle, stranger]) ca.close();
    rmSync(folder, { recursive: true });
  });

  /** A proxy of each kind, with a listener for each TLS context, and one that calls each cluster. */
  async function bothProxies(contexts: readonly DownstreamTlsContext[], clusters: readonly Cluster[] = []) {
    return Promise.all(
      [envoyProxy(binary ?? ""), tulleProxy].map(async (program) => {
        const ports = freePorts(contexts.length + clusters.length);
        const process = await ProxyProcess.start(program, join(folder, `proxy-${files++}`), () => {
          const [admin = 0] = freePorts(1);
          const address = (portValue: number | undefined) => ({ socketAddress: { address: "127.0.0.1", portValue } });
          const answers = routes([{ match: { prefix: "/" }, directResponse: { status: 200 } }]);
          const listeners = [
            ...contexts.map((context, i): Listener => {
              const { filterChains = [], ...listener } = httpListener({ routeConfig: answers });
              const socket = { name: "tls", typedConfig: pack(DownstreamTlsContext, context) };
              const chains = filterChains.map((chain) => ({ ...chain, transportSocket: socket }));
              return { ...listener, name: `tls-${i}`, address: address(ports[i]), filterChains: chains };
            }),
            ...clusters.map((it, i) => {
              const routeConfig = routes([route(it.name ?? "")]);
              return httpListener(
                { routeConfig },
                { name: `plain-${i}`, address: address(ports[contexts.length + i]) },
              );
            }),
          ];
          const bootstrap: Bootstrap = {
            node: { id: "test", cluster: "test" },
            admin: { address: address(admin) },
            staticResources: { listeners, clusters: [...clusters] },
          };
          return [JSON.stringify(toJson(Bootstrap, bootstrap)), admin];
        });
        running.push(process);
        return ports;
      }),
    );
  }

  /** The certificate that a client with these options is shown; `none` where no connection comes about. */
  function shownTo(port: number | undefined, options: string, all: readonly (readonly [string, IssuedPair])[]): string {
    const args = ["s_client", "-connect", `127.0.0.1:${port}`, ...options.split(" ")];
    const run = Bun.spawnSync(["openssl", ...args], { stdin: new Blob([""]), stdout: "pipe", stderr: "pipe" });
    const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(run.stdout.toString()) ?? [];
    return all.find(([, { leafPem }]) => leafPem.trim() === pem)?.[0] ?? "none";
  }

  test("the choice of several", async () => {
    const make = (name: string, key: "P-256" | "P-384" | "RSA", ...names: string[]) =>
      [name, root.issue(name, { key, names: names.map((it) => `DNS:${it}`) })] as const;
    const all = [
      make("first", "RSA", "first.test"),
      make("a-rsa", "RSA", "a.test", "both.test"),
      make("a-ec", "P-256", "a.test"),
      make("wild-ec", "P-256", "*.wild.test", "*.test"),
      make("wild-rsa", "RSA", "*.wild.test"),
      make("exact-rsa", "RSA", "x.wild.test"),
      make("p384", "P-384", "p384.test", "twice.test"),
      make("twice", "P-256", "twice.test"),
      make("common.test", "RSA"),
    ];
    const noRsa = all.filter(([name]) => ["a-ec", "p384"].includes(name));
    const context = (pairs: typeof all, max?: "TLSv1_2"): DownstreamTlsContext => ({
      commonTlsContext: {
        tlsParams: max && { tlsMaximumProtocolVersion: max },
        tlsCertificates: pairs.map(([, pair]) => shown(pair)),
      },
    });
    const proxies = await bothProxies([context(all), context(all, "TLSv1_2"), context(noRsa)]);
    const clients = [
      "",
      "-sigalgs rsa_pss_rsae_sha256:rsa_pkcs1_sha256",
      "-sigalgs ECDSA+SHA256",
      "-sigalgs ECDSA+SHA384:rsa_pss_rsae_sha256",
      "-tls1_2",
      "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
      "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
      "-tls1_2 -curves P-384:X25519",
      "-tls1_2 -curves X25519",
    ];
    const names = ["a.test", "both.test", "y.wild.test", "x.wild.test", "deep.y.wild.test", "p384.test", "twice.test"];
    const asked = [...names, "common.test", "other.test", "elsewhere", "wild.test"].map(
      (name) => `-servername ${name}`,
    );
    const probes = clients.flatMap((client) => [...asked, "-noservername"].map((name) => `${name} ${client}`.trim()));
    const [envoys = [], ours = []] = proxies.map((ports) =>
      [0, 1, 2].flatMap((i) =>
        probes
          .filter((_, at) => i === 0 || at % 4 === i)
          .map((probe) => `${i} ${probe}: ${shownTo(ports[i], probe, all)}`),
      ),
    );
    expect(ours).toEqual(envoys);
    // All but the second of a curve for one name, and none at all.
    expect(new Set(envoys.map((line) => line.slice(line.lastIndexOf(" ") + 1))).size).toBe(all.length);
  }, 120_000);

  const client = middle.issue("client", { names: ["DNS:client.test"] });
  const revokedClient = middle.issue("revoked", { names: ["DNS:client.test"] });
  const foreign = stranger.issue("foreign", { names: ["DNS:client.test"] });
  const none = root.revocations([]) + middle.revocations([]);
  const lists: Readonly<Record<string, string | undefined>> = {
    "no list": undefined,
    "empty lists": none,
    "the client is revoked": root.revocations([]) + middle.revocations([revokedClient.leafPem]),
    "lists in the other order": middle.revocations([revokedClient.leafPem]) + root.revocations([]),
    "the authority is revoked": root.revocations([middle.certificatePem]) + middle.revocations([]),
    "the root's list alone": root.revocations([]),
    "the lower list alone": middle.revocations([revokedClient.leafPem]),
    "an expired list": root.revocations([]) + middle.revocations([], true),
    "a stranger's list": stranger.revocations([]),
  };
  const validation = (crl: string | undefined, over: CertificateValidationContext = {}): CommonTlsContext => ({
    validationContext: {
      trustedCa: { inlineString: root.certificatePem },
      crl: crl === undefined ? undefined : { inlineString: crl },
      ...over,
    },
  });

  test("clients whom lists revoke, and those whom nobody verifies", async () => {
    const server = shown(root.issue("server", { names: ["DNS:server.test"] }));
    const contexts = Object.values(lists).flatMap((crl) => [
      { commonTlsContext: { tlsCertificates: [server], ...validation(crl) }, requireClientCertificate: true },
      { commonTlsContext: { tlsCertificates: [server], ...validation(crl) }, requireClientCertificate: false },
    ]);
    const anybody = validation(none, {
      trustChainVerification: "ACCEPT_UNTRUSTED",
      matchTypedSubjectAltNames: [{ sanType: "DNS", matcher: { exact: "client.test" } }],
    });
    const open = [true, false].map((requireClientCertificate) => ({
      commonTlsContext: { tlsCertificates: [server], ...anybody },
      requireClientCertificate,
    }));
    const proxies = await bothProxies([...contexts, ...open]);
    const clients: readonly (readonly [string, EdgeCall["certificate"]])[] = [
      ["good", client],
      ["revoked", revokedClient],
      ["foreign", foreign],
      ["none", undefined],
    ];
    const rounds = ["TLSv1.2", "TLSv1.3"] as const;
    const [envoys = [], ours = []] = await Promise.all(
      proxies.map(async (ports) => {
        const seen: string[] = [];
        for (const [i, port] of ports.entries())
          for (const [name, certificate] of clients)
            for (const max of i % 2 === 0 ? rounds : rounds.slice(1)) {
              const edge = { url: `https://127.0.0.1:${port}`, name: "server.test", certificate, versions: { max } };
              const list = Object.keys(lists)[Math.floor(i / 2)] ?? "anybody";
              seen.push(`${list} ${i % 2} ${name} ${max}: ${(await askEdge(edge))?.status ?? "refused"}`);
            }
        return seen;
      }),
    );
    expect(ours).toEqual(envoys);
    expect(envoys).toContain("empty lists 0 good TLSv1.3: 200");
    expect(envoys).toContain("the client is revoked 1 revoked TLSv1.3: refused");
    expect(envoys).toContain("anybody 1 foreign TLSv1.3: 200");
  }, 120_000);

  test("servers whom lists revoke", async () => {
    const serve = async ({ certChainPem, privateKeyPem }: IssuedPair): Promise<number> => {
      const server = createServer({ cert: certChainPem, key: privateKeyPem }, (socket) => {
        socket.on("error", () => {});
        socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
      });
      servers.push(server);
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
      return (server.address() as AddressInfo).port;
    };
    const ports = [await serve(client), await serve(revokedClient)];
    const upstreams = Object.values(lists).flatMap((crl, i) =>
      ports.map((port, k) => {
        const context = { commonTlsContext: validation(crl), sni: "client.test" };
        const typedConfig = pack(UpstreamTlsContext, context);
        return cluster(`to-${i}-${k}`, [port], { transportSocket: { name: "tls", typedConfig } });
      }),
    );
    const proxies = await bothProxies([], upstreams);
    const [envoys = [], ours = []] = await Promise.all(
      proxies.map(async (at) => {
        const seen: string[] = [];
        for (const [i, port] of at.entries()) {
          const { status } = await call(`http://127.0.0.1:${port}/`);
          seen.push(`${Object.keys(lists)[Math.floor(i / 2)]}, ${i % 2 === 0 ? "good" : "revoked"}: ${status}`);
        }
        return seen;
      }),
    );
    expect(ours).toEqual(envoys);
    expect(envoys).toContain("the client is revoked, good: 200");
    expect(envoys).toContain("the client is revoked, revoked: 503");
  }, 60_000);
});
