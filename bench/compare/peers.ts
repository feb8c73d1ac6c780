/**
 * The proxies that are compared, each as one hop and as an mTLS double hop, configured alike: kept
 * connections on both sides, one worker, access log to /dev/null where there is one.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootstrap, type HopOptions } from "./bootstraps.ts";
import { type Program, start } from "./process.ts";

export interface Setup {
  readonly folder: string;
  readonly backendPort: number;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly envoy: string | undefined;
}

/** A started proxy, or a pair of them. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly programs: readonly Program[];
}

export type Scenario = "one hop" | "mTLS double hop";

let nextPort = 19_100;

/** nginx that answers 1 kB from memory. */
export function startBackend(setup: Setup): Program {
  const body = "x".repeat(1000);
  const conf = nginxConf(
    setup,
    `server { listen 127.0.0.1:${setup.backendPort}; location / { return 200 "${body}"; } }`,
    "",
  );
  return startNginx(setup, "backend", conf);
}

export function startTulle(setup: Setup, scenario: Scenario): Subject {
  const tulle = join(import.meta.dir, "..", "..", "tulle");
  return fromBootstraps(setup, scenario, "tulle", (file) => [tulle, "proxy", "-c", file]);
}

export function startEnvoy(setup: Setup, scenario: Scenario, envoy: string): Subject {
  return fromBootstraps(setup, scenario, "Envoy", (file, id) => [
    envoy,
    "-c",
    file,
    "--concurrency",
    "1",
    "--base-id",
    String(id),
    "-l",
    "error",
    "--disable-hot-restart",
  ]);
}

function fromBootstraps(
  setup: Setup,
  scenario: Scenario,
  name: string,
  command: (file: string, id: number) => string[],
): Subject {
  const tls = { cert: setup.cert, key: setup.key, ca: setup.ca };
  const entry = nextPort++;
  const hop = (o: Omit<HopOptions, "admin" | "routes">): Program => {
    const file = join(setup.folder, `${name}-${o.listen}.json`);
    writeFileSync(file, JSON.stringify(bootstrap({ ...o, admin: nextPort++, routes: 20 }), null, 1));
    return start(name, command(file, o.listen), setup.folder, `${file}.log`);
  };
  if (scenario === "one hop") {
    const program = hop({ listen: entry, upstream: setup.backendPort });
    return { name, port: entry, programs: [program] };
  }
  const middle = nextPort++;
  const inbound = hop({ listen: middle, upstream: setup.backendPort, tls: { ...tls, side: "listener" } });
  const outbound = hop({ listen: entry, upstream: middle, tls: { ...tls, side: "cluster" } });
  return { name, port: entry, programs: [inbound, outbound] };
}

export function startNginxProxy(setup: Setup, scenario: Scenario): Subject {
  const entry = nextPort++;
  const plain = nginxHop(entry, `http://127.0.0.1:${setup.backendPort}`, "");
  if (scenario === "one hop")
    return { name: "nginx", port: entry, programs: [startNginx(setup, "one-hop", nginxConf(setup, plain, "p"))] };
  const middle = nextPort++;
  const server = `ssl_certificate ${setup.cert}; ssl_certificate_key ${setup.key}; ssl_client_certificate ${setup.ca}; ssl_verify_client on; ssl_protocols TLSv1.3;`;
  const client = `proxy_ssl_certificate ${setup.cert}; proxy_ssl_certificate_key ${setup.key}; proxy_ssl_trusted_certificate ${setup.ca}; proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_protocols TLSv1.3;`;
  const inbound = nginxHop(`${middle} ssl`, `http://127.0.0.1:${setup.backendPort}`, server);
  const outbound = nginxHop(entry, `https://127.0.0.1:${middle}`, client);
  const programs = [
    startNginx(setup, "in", nginxConf(setup, inbound, "i")),
    startNginx(setup, "out", nginxConf(setup, outbound, "o")),
  ];
  return { name: "nginx", port: entry, programs };
}

function nginxHop(listen: number | string, upstream: string, extra: string): string {
  const target = new URL(upstream);
  return `upstream up { server ${target.host}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${listen}; ${extra} location / { proxy_pass ${target.protocol}//up; proxy_http_version 1.1; proxy_set_header Connection ""; } }`;
}

function nginxConf(setup: Setup, servers: string, name: string): string {
  return `worker_processes 1; daemon off; pid ${setup.folder}/nginx${name}.pid; error_log ${setup.folder}/nginx${name}.err;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 3600; ${servers} }\n`;
}

function startNginx(setup: Setup, name: string, conf: string): Program {
  const file = join(setup.folder, `nginx-${name}.conf`);
  writeFileSync(file, conf);
  return start("nginx", ["nginx", "-p", setup.folder, "-c", file], setup.folder, `${file}.log`);
}

export function startHaproxy(setup: Setup, scenario: Scenario): Subject {
  const entry = nextPort++;
  if (scenario === "one hop")
    return { name: "HAProxy", port: entry, programs: [haproxy(setup, entry, "", setup.backendPort, "")] };
  const middle = nextPort++;
  const pem = join(setup.folder, "haproxy.pem");
  const bind = `ssl crt ${pem} ca-file ${setup.ca} verify required ssl-min-ver TLSv1.3`;
  const server = `ssl crt ${pem} ca-file ${setup.ca} verify required sni str(localhost) ssl-min-ver TLSv1.3`;
  const programs = [haproxy(setup, middle, bind, setup.backendPort, ""), haproxy(setup, entry, "", middle, server)];
  return { name: "HAProxy", port: entry, programs };
}

function haproxy(setup: Setup, listen: number, bind: string, upstream: number, server: string): Program {
  const file = join(setup.folder, `haproxy-${listen}.cfg`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend f
  bind 127.0.0.1:${listen} ${bind}
  default_backend b
backend b
  server s 127.0.0.1:${upstream} ${server}
`,
  );
  return start("HAProxy", ["haproxy", "-f", file, "-db"], setup.folder, `${file}.log`);
}
