/**
 * The labels of one series, in the text form of the Prometheus exposition format.
 *
 * The text is the identity of a series: it is built once, when the series is resolved, shared by all metrics that
 * carry the same labels, and printed as it is. Names are sorted, so that two orders of writing are one series.
 *
 * Source: Prometheus text format 0.0.4, "Text format details".
 *
 * @module
 */

export type Labels = Readonly<Record<string, string>>;

/** Longest label value that is kept; values can come from a peer's certificate. */
const MAX_VALUE_CHARS = 1024;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

export class LabelSet {
  /** Sorted by name. */
  readonly pairs: readonly (readonly [name: string, value: string])[];
  /** `a="1",b="2"`, escaped, without the braces. */
  readonly text: string;

  /** @throws {RangeError} If a name is not a label name. */
  constructor(labels: Labels) {
    this.pairs = Object.entries(labels)
      .map(([name, value]) => [checkedName(name), value.slice(0, MAX_VALUE_CHARS)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    this.text = this.pairs.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(",");
  }

  /** The value of a label; empty when the label is absent, as Prometheus sees it. */
  value(name: string): string {
    return this.pairs.find(([known]) => known === name)?.[1] ?? "";
  }
}

export const NO_LABELS = new LabelSet({});

function checkedName(name: string): string {
  if (LABEL_NAME.test(name)) return name;
  throw new RangeError(`label name must match ${LABEL_NAME.source}: found ${JSON.stringify(name)}`);
}

/** Escapes backslash, quote and line feed: the three that the format names. */
export function escapeLabelValue(value: string): string {
  return /["\\\n]/.test(value) ? value.replace(/["\\\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`)) : value;
}
