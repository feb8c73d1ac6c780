/**
 * `FractionalPercent`, and the runtime-keyed form of it. There is no runtime here: the default value counts.
 *
 * @module
 */
import type { RuntimeFractionalPercent } from "../../xds/proto/core-base.ts";
import type { FractionalPercent } from "../../xds/proto/type.ts";

export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

const DENOMINATORS = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

/** An absent percentage is none. */
export function compileFraction(percent: FractionalPercent | undefined): Fraction {
  return { numerator: percent?.numerator ?? 0, denominator: DENOMINATORS[percent?.denominator ?? "HUNDRED"] };
}

/** Undefined where it is always true: no fraction, or all of it. */
export function compileRuntimeFraction(fraction: RuntimeFractionalPercent | undefined): Fraction | undefined {
  if (fraction === undefined) return undefined;
  const compiled = compileFraction(fraction.defaultValue);
  return compiled.numerator >= compiled.denominator ? undefined : compiled;
}

/** @param randomValue A large random integer: as in Envoy, its remainder decides. */
export const isWithin = (fraction: Fraction, randomValue: number): boolean =>
  randomValue % fraction.denominator < fraction.numerator;
