/**
 * The rules that lead a network namespace's TCP to its proxy, as text for `nft -f`.
 *
 * Source: what istio-init sets up for interception REDIRECT, told to nftables. Differs: only what is addressed to the namespace itself is taken in, so
 * that one which forwards for others goes on doing so; and IPv6, for which no listeners are translated, is refused, since around
 * the proxy is around its policies.
 *
 * @module
 */
import { INBOUND_SOURCE } from "../../translate/captured/clusters.ts";

export interface CaptureRules {
  readonly outboundPort: number;
  readonly inboundPort: number;
  /** Connections to these are led nowhere, whoever calls. */
  readonly excludedPorts: readonly number[];
  /** By what the proxy's own connections are told: any of these. */
  readonly leftAlone: readonly LeftAlone[];
}

export interface LeftAlone {
  readonly by: "uid" | "gid" | "mark";
  readonly value: number;
}

/** Health and metrics of the proxy, which are asked for from outside. Istio's port. */
const HEALTH_PORT = 15_020;
const TABLES = ["ip tulle_capture", "ip6 tulle_capture"] as const;
const [V4, V6] = TABLES;
const EXPRESSIONS = { uid: "meta skuid", gid: "meta skgid", mark: "meta mark" } as const;

/** Takes away what there is, in one step with what follows; also where there is nothing. */
export const undoRules = (): string => TABLES.map((table) => `table ${table}\ndelete table ${table}\n`).join("");

/** To be applied in one step. Whatever was captured before is captured by these alone. */
export const captureRules = (rules: CaptureRules): string =>
  [undoRules(), table(V4, [output(rules), prerouting(rules)]), table(V6, [refusedOut(rules), refusedIn(rules)])].join(
    "",
  );

interface Chain {
  readonly name: string;
  readonly hook: string;
  readonly rules: readonly string[];
}

const output = ({ excludedPorts, inboundPort, leftAlone, outboundPort }: CaptureRules): Chain => ({
  name: "output",
  hook: "type nat hook output priority -100",
  rules: [
    // Passed on by the proxy to its application: it has come in already.
    `ip saddr ${INBOUND_SOURCE} return`,
    ...excluded(excludedPorts, "return"),
    // The proxy calls the workload itself: that comes in like any call.
    ...leftAlone.map(
      (it) => `oifname "lo" ip daddr != 127.0.0.0/8 ${told(it)} meta l4proto tcp redirect to :${inboundPort}`,
    ),
    ...leftAlone.map((it) => `${told(it)} return`),
    "ip daddr 127.0.0.0/8 return",
    `meta l4proto tcp redirect to :${outboundPort}`,
  ],
});

const prerouting = ({ excludedPorts, inboundPort }: CaptureRules): Chain => ({
  name: "prerouting",
  hook: "type nat hook prerouting priority -100",
  rules: [
    "fib daddr type != local return",
    ...excluded([HEALTH_PORT, ...excludedPorts], "return"),
    `meta l4proto tcp redirect to :${inboundPort}`,
  ],
});

const refusedOut = ({ excludedPorts, leftAlone }: CaptureRules): Chain => ({
  name: "output",
  hook: "type filter hook output priority 0",
  rules: [
    'oifname "lo" accept',
    ...excluded(excludedPorts, "accept"),
    ...leftAlone.map((it) => `${told(it)} accept`),
    "ct state established,related accept",
    "meta l4proto tcp reject with tcp reset",
  ],
});

const refusedIn = ({ excludedPorts }: CaptureRules): Chain => ({
  name: "input",
  hook: "type filter hook input priority 0",
  rules: [
    'iifname "lo" accept',
    ...excluded([HEALTH_PORT, ...excludedPorts], "accept"),
    "ct state established,related accept",
    "meta l4proto tcp reject with tcp reset",
  ],
});

const told = ({ by, value }: LeftAlone): string => `${EXPRESSIONS[by]} ${value}`;

const excluded = (ports: readonly number[], verdict: string): readonly string[] =>
  ports.length === 0 ? [] : [`tcp dport { ${[...new Set(ports)].join(", ")} } ${verdict}`];

const table = (name: string, chains: readonly Chain[]): string =>
  `table ${name} {\n${chains.map(chainText).join("")}}\n`;

const chainText = ({ hook, name, rules }: Chain): string =>
  `  chain ${name} {\n${[`${hook}; policy accept;`, ...rules].map((line) => `    ${line}\n`).join("")}  }\n`;
