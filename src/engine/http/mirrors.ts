/**
 * Mirrors of a route: clusters that get a copy of its requests, and whose answers nobody waits for.
 *
 * Source: `RouteAction.RequestMirrorPolicy`; where a route has none, those of its virtual host count, and then those of the
 * route configuration. Without `runtime_fraction` every request is mirrored. As in Envoy one draw serves all mirrors of a
 * request, so that one of 10 % gets a part of what one of 50 % gets; but it is not the draw that chose among weighted
 * clusters, or a mirror of 50 % would get the requests of one of two halves alone. `trace_sampled` is about spans, of
 * which there are none.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { RequestMirrorPolicy } from "../../xds/proto/route-action.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import { headerReader } from "../match/header-matcher.ts";
import { compileRuntimeFraction, type Fraction, isWithin } from "../match/fraction.ts";
import type { RequestView } from "../request.ts";
import type { Trace } from "../trace.ts";

/** Where a copy of a request goes. */
export interface Mirror {
  readonly clusterName: string;
  /** The authority is the request's own; otherwise `-shadow` is put behind its host. */
  readonly keepsAuthority: boolean;
}

/** Which mirrors a request gets; undefined for none. */
export type PickMirrors = (
  request: RequestView,
  random: Random,
  trace: Trace | undefined,
) => readonly Mirror[] | undefined;

/** What an explanation tells of a mirror. */
export interface MirrorShare {
  /** Undefined: the request names it, in the header `clusterHeader`. */
  readonly clusterName: string | undefined;
  readonly clusterHeader: string | undefined;
  readonly percent: number;
}

interface Policy {
  /** The same for every request, or read from it; none where the request names none. */
  readonly mirrorOf: Mirror | ((request: RequestView) => Mirror | undefined);
  /** Undefined: every request. */
  readonly fraction: Fraction | undefined;
  readonly share: MirrorShare;
}

/** What `request_mirror_policies` say, compiled. */
export interface Mirrors {
  readonly pick: PickMirrors;
  readonly shares: readonly MirrorShare[];
}

const KNOWN = new Set(["cluster", "clusterHeader", "runtimeFraction", "traceSampled", "disableShadowHostSuffixAppend"]);
/** Divisible by every denominator, as far as it matters: remainders of smaller numbers would not be even. */
const RANDOM_VALUES = 2 ** 32;

/** Undefined where nothing is ever mirrored. @throws {CompileError} */
export function compileMirrors(
  messages: readonly RequestMirrorPolicy[] | undefined,
  path: string,
): Mirrors | undefined {
  const all = (messages ?? []).map((message, i) => compilePolicy(message, `${path}[${i}]`));
  const live = all.filter(({ fraction }) => fraction?.numerator !== 0);
  if (live.length === 0) return undefined;
  return { pick: pickOf(live), shares: live.map(({ share }) => share) };
}

function compilePolicy(message: RequestMirrorPolicy, path: string): Policy {
  refuseOthers(message, path, KNOWN);
  const { cluster = "", clusterHeader = "", disableShadowHostSuffixAppend: keepsAuthority = false } = message;
  if ((cluster === "") === (clusterHeader === "")) {
    const found = cluster === "" ? "neither" : "both";
    throw new CompileError(path, `must hold either cluster or cluster_header, found ${found}`);
  }
  const fraction = compileRuntimeFraction(message.runtimeFraction);
  const percent = fraction === undefined ? 100 : (fraction.numerator / fraction.denominator) * 100;
  if (cluster !== "")
    return {
      mirrorOf: { clusterName: cluster, keepsAuthority },
      fraction,
      share: { clusterName: cluster, clusterHeader: undefined, percent },
    };
  return {
    mirrorOf: byHeader(clusterHeader.toLowerCase(), keepsAuthority),
    fraction,
    share: { clusterName: undefined, clusterHeader, percent },
  };
}

/** Of several lines the first one counts; an empty one names none. As in Envoy. */
function byHeader(name: string, keepsAuthority: boolean): (request: RequestView) => Mirror | undefined {
  const read = headerReader(name);
  return (request) => {
    const clusterName = request.headerLines?.(name)[0] ?? read(request) ?? "";
    return clusterName === "" ? undefined : { clusterName, keepsAuthority };
  };
}

function pickOf(policies: readonly Policy[]): PickMirrors {
  const fixed = policies.flatMap(({ fraction, mirrorOf }) =>
    fraction === undefined && typeof mirrorOf !== "function" ? [mirrorOf] : [],
  );
  const isFixed = fixed.length === policies.length;
  const draws = policies.some(({ fraction }) => fraction !== undefined);
  return (request, random, trace) => {
    if (isFixed && trace === undefined) return fixed;
    const drawn = draws ? Math.floor(random() * RANDOM_VALUES) : 0;
    const picked: Mirror[] = [];
    for (const { fraction, mirrorOf, share } of policies) {
      const hits = fraction === undefined || isWithin(fraction, drawn);
      const mirror = typeof mirrorOf === "function" ? mirrorOf(request) : mirrorOf;
      if (hits && mirror !== undefined) picked.push(mirror);
      if (trace !== undefined) tracePolicy(share, mirror, fraction, drawn, trace);
    }
    return picked.length === 0 ? undefined : picked;
  };
}

function tracePolicy(
  { clusterHeader, percent }: MirrorShare,
  mirror: Mirror | undefined,
  fraction: Fraction | undefined,
  drawn: number,
  trace: Trace,
): void {
  const subject = mirror?.clusterName ?? `by header ${clusterHeader}`;
  const hits = fraction === undefined || isWithin(fraction, drawn);
  const draw = fraction === undefined ? "" : `; drew ${drawn % fraction.denominator} of ${fraction.denominator}`;
  const reason = mirror === undefined ? "the request names no cluster in it" : `a copy of ${percent} %${draw}`;
  trace.push({ step: "mirror", subject, verdict: hits && mirror !== undefined ? "chosen" : "skipped", reason });
}
