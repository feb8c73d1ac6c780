/**
 * `tulle capture`: leads the TCP of a network namespace to its proxy, or does so no more.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { applyRules } from "../../app/capture/apply.ts";
import { type CaptureRules, captureRules, type LeftAlone, undoRules } from "../../app/capture/ruleset.ts";
import { INBOUND_PORT, OUTBOUND_PORT } from "../../translate/captured/virtual-listeners.ts";
import { wholeArgument } from "../arguments.ts";
import { type CliContext, EXIT, foreseen, usageError } from "../context.ts";

interface Options {
  readonly netns?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mark?: number;
  readonly excludePorts: readonly number[];
  readonly outboundPort: number;
  readonly inboundPort: number;
  readonly undo: boolean;
  readonly dryRun: boolean;
}

/** The group that Istio's proxies run as. */
const PROXY_GROUP = 1337;
const MAX_ID = 2 ** 32 - 2;

const MORE = `
Needs root and nft. Running it twice is the same as once; connections that stand stay as they are. Start the proxy as what is left alone, such as
  setpriv --regid ${PROXY_GROUP} --clear-groups tulle proxy -c bootstrap.json
Calls fail while no proxy runs. IPv6 is not captured and so is refused. In a machine's own namespace, logins are captured too: --exclude-ports 22.

Exit codes: ${EXIT.ok} done, ${EXIT.failure} nothing was changed, ${EXIT.usage} wrong usage.`;

export function register(program: Command, context: CliContext): void {
  const port = wholeArgument(1, 65_535);
  const id = wholeArgument(0, MAX_ID);
  program
    .command("capture")
    .description("lead the TCP of a network namespace to its proxy, or stop doing so")
    .option("--netns <name>", "network namespace, as ip netns names it (default: the present one)", namespaceArgument)
    .option("--uid <number>", "user whose connections are left alone: the proxy's", id)
    .option("--gid <number>", `group whose connections are left alone (default: ${PROXY_GROUP}, when nothing is)`, id)
    .option("--mark <number>", "mark of packets that are left alone", wholeArgument(1, 2 ** 32 - 1))
    .option("--exclude-ports <ports>", "ports that are left alone, out and in, such as 22,5432", portsArgument, [])
    .option("--outbound-port <port>", "where calls out are led to", port, OUTBOUND_PORT)
    .option("--inbound-port <port>", "where calls in are led to", port, INBOUND_PORT)
    .option("--undo", "take the rules away", false)
    .option("--dry-run", "print what nft would get, and change nothing", false)
    .addHelpText("after", MORE)
    .action((options: Options) => capture(options, context));
}

function capture(options: Options, context: CliContext): void {
  const rules = rulesOf(options);
  const text = options.undo ? undoRules() : captureRules(rules);
  if (options.dryRun) return context.out(text);
  try {
    applyRules(text, options.netns);
  } catch (error) {
    throw foreseen(error);
  }
  context.out(`${context.paint.green("✓")} ${said(options, rules)}\n`);
}

function rulesOf({ excludePorts, gid, inboundPort, mark, outboundPort, uid }: Options): CaptureRules {
  if (inboundPort === outboundPort)
    throw usageError(`--inbound-port and --outbound-port must differ: both are ${inboundPort}`);
  const given = Object.entries({ uid, gid, mark }).flatMap(([by, value]) =>
    value === undefined ? [] : [{ by: by as LeftAlone["by"], value }],
  );
  const leftAlone = given.length > 0 ? given : [{ by: "gid" as const, value: PROXY_GROUP }];
  return { outboundPort, inboundPort, excludedPorts: excludePorts, leftAlone };
}

function said({ netns, undo }: Options, { inboundPort, leftAlone, outboundPort }: CaptureRules): string {
  const where = netns === undefined ? "this network namespace" : `the network namespace ${netns}`;
  if (undo) return `${where} is not captured any more`;
  const who = leftAlone.map(({ by, value }) => `${by} ${value}`).join(" and ");
  return `TCP of ${where} goes to ${outboundPort} (out) and ${inboundPort} (in), but that of ${who}`;
}

function namespaceArgument(text: string): string {
  if (/^[A-Za-z0-9_][\w.-]*$/.test(text)) return text;
  throw new InvalidArgumentError('Write a name that "ip netns list" shows.');
}

const portsArgument = (text: string): readonly number[] => text.split(",").map(wholeArgument(1, 65_535));
