/**
 * `xds.type.matcher.v3.Matcher`, compiled: the action for something that is described by texts.
 *
 * Source: the .proto, and Envoy's `RuntimeFraction`, whose hash of the text decides. Nested matchers must have an `on_no_match`: without one
 * Envoy's versions do not agree on what follows. Custom maps of a tree are refused, and other conditions of our own than `RuntimeFraction`.
 *
 * @module
 */
import { CompileError, refuseOthers, unpackAt } from "../compile-error.ts";
import { hashOfWire } from "../hash/xx-hash.ts";
import {
  type Matcher,
  type MatcherMatcherTree,
  type MatcherOnMatch,
  type MatcherPredicate,
  type MatcherSinglePredicate,
  RuntimeFraction,
  type XdsTypedExtensionConfig,
} from "../../xds/proto/xds-matcher.ts";
import { type AnyMessage, isAny } from "../../xds/types/any.ts";
import { compileRuntimeFraction } from "./fraction.ts";
import { compileStringMatcher } from "./string-matcher.ts";

/** What a matcher may look at, and what its actions mean. */
export interface MatcherWords<Facts, Action> {
  /** @throws {CompileError} */
  readonly input: (any: AnyMessage, path: string) => (facts: Facts) => string;
  /** @throws {CompileError} */
  readonly action: (any: AnyMessage | undefined, path: string) => Action;
}

/** Undefined: nothing matches. */
export type Decide<Facts, Action> = (facts: Facts) => Action | undefined;
type Test<Facts> = (facts: Facts) => boolean;

const MATCHER = new Set(["matcherList", "matcherTree", "onNoMatch"]);
const TREE = new Set(["input", "exactMatchMap", "prefixMatchMap"]);

/** @throws {CompileError} */
export function compileMatcher<Facts, Action>(
  matcher: Matcher,
  path: string,
  words: MatcherWords<Facts, Action>,
): Decide<Facts, Action> {
  refuseOthers(matcher, path, MATCHER);
  const { matcherList, matcherTree, onNoMatch } = matcher;
  const otherwise = onNoMatch === undefined ? nothing : onMatch(onNoMatch, `${path}.on_no_match`, words);
  if (matcherTree !== undefined) return compileTree(matcherTree, `${path}.matcher_tree`, words, otherwise);
  const steps = (matcherList?.matchers ?? []).map(({ predicate, onMatch: then }, i) => {
    const at = `${path}.matcher_list.matchers[${i}]`;
    return {
      test: compilePredicate(predicate, `${at}.predicate`, words),
      decide: onMatch(then, `${at}.on_match`, words),
    };
  });
  return (facts) => (steps.find(({ test }) => test(facts))?.decide ?? otherwise)(facts);
}

const nothing = (): undefined => undefined;

function onMatch<Facts, Action>(
  found: MatcherOnMatch | undefined,
  path: string,
  words: MatcherWords<Facts, Action>,
): Decide<Facts, Action> {
  const { action, matcher } = found ?? {};
  if (matcher !== undefined) {
    if (matcher.onNoMatch === undefined) throw new CompileError(`${path}.matcher.on_no_match`, "must be set here");
    return compileMatcher(matcher, `${path}.matcher`, words);
  }
  const made = words.action(action?.typedConfig, `${path}.action.typed_config`);
  return () => made;
}

function compilePredicate<Facts>(
  predicate: MatcherPredicate | undefined,
  path: string,
  words: MatcherWords<Facts, unknown>,
): Test<Facts> {
  const { singlePredicate, andMatcher, orMatcher, notMatcher } = predicate ?? {};
  const all = (list: readonly MatcherPredicate[] | undefined, name: string): readonly Test<Facts>[] =>
    (list ?? []).map((it, i) => compilePredicate(it, `${path}.${name}.predicate[${i}]`, words));
  if (singlePredicate !== undefined) return compileSingle(singlePredicate, `${path}.single_predicate`, words);
  if (andMatcher !== undefined) {
    const tests = all(andMatcher.predicate, "and_matcher");
    return (facts) => tests.every((test) => test(facts));
  }
  if (orMatcher !== undefined) {
    const tests = all(orMatcher.predicate, "or_matcher");
    return (facts) => tests.some((test) => test(facts));
  }
  if (notMatcher === undefined)
    throw new CompileError(path, "must hold single_predicate, or_matcher, and_matcher or not_matcher");
  const test = compilePredicate(notMatcher, `${path}.not_matcher`, words);
  return (facts) => !test(facts);
}

function compileSingle<Facts>(
  { input, valueMatch, customMatch }: MatcherSinglePredicate,
  path: string,
  words: MatcherWords<Facts, unknown>,
): Test<Facts> {
  const textOf = compileInput(input, `${path}.input`, words);
  if (customMatch !== undefined) {
    const test = compileFraction(customMatch, `${path}.custom_match`);
    return (facts) => test(textOf(facts));
  }
  if (valueMatch === undefined) throw new CompileError(path, "must hold value_match or custom_match");
  const { test } = compileStringMatcher(valueMatch, `${path}.value_match`);
  return (facts) => test(textOf(facts));
}

function compileInput<Facts>(
  input: XdsTypedExtensionConfig | undefined,
  path: string,
  words: MatcherWords<Facts, unknown>,
): (facts: Facts) => string {
  if (input?.typedConfig === undefined) throw new CompileError(path, "must be set");
  return words.input(input.typedConfig, `${path}.typed_config`);
}

/** There is no runtime here: the default value counts. */
function compileFraction({ name, typedConfig }: XdsTypedExtensionConfig, path: string): Test<string> {
  if (typedConfig === undefined || !isAny(typedConfig, RuntimeFraction))
    throw new CompileError(path, `must be a ${RuntimeFraction.name}, found ${typedConfig?.typeUrl ?? name}`);
  const { runtimeFraction, seed = 0 } = unpackAt(typedConfig, RuntimeFraction, `${path}.typed_config`);
  if (runtimeFraction?.defaultValue === undefined)
    throw new CompileError(`${path}.typed_config.runtime_fraction.default_value`, "must be set");
  const fraction = compileRuntimeFraction(runtimeFraction);
  if (fraction === undefined) return () => true;
  const [denominator, numerator] = [BigInt(fraction.denominator), BigInt(fraction.numerator)];
  return (text) => hashOfWire(text, BigInt(seed)) % denominator < numerator;
}

function compileTree<Facts, Action>(
  tree: MatcherMatcherTree,
  path: string,
  words: MatcherWords<Facts, Action>,
  otherwise: Decide<Facts, Action>,
): Decide<Facts, Action> {
  refuseOthers(tree, path, TREE);
  const textOf = compileInput(tree.input, `${path}.input`, words);
  const { exactMatchMap, prefixMatchMap } = tree;
  const [name, entries] =
    exactMatchMap === undefined ? ["prefix_match_map", prefixMatchMap?.map] : ["exact_match_map", exactMatchMap.map];
  if (entries === undefined) throw new CompileError(path, "must hold exact_match_map or prefix_match_map");
  const decisions = new Map(
    Object.entries(entries).map(([key, found]) => [
      key,
      onMatch(found, `${path}.${name}.map[${JSON.stringify(key)}]`, words),
    ]),
  );
  if (exactMatchMap !== undefined) return (facts) => (decisions.get(textOf(facts)) ?? otherwise)(facts);
  const byLength = [...decisions].sort(([a], [b]) => b.length - a.length);
  return (facts) => {
    const text = textOf(facts);
    return (byLength.find(([prefix]) => text.startsWith(prefix))?.[1] ?? otherwise)(facts);
  };
}
