/**
 * Reads Envoy's access log format strings: text with operators between percent signs.
 *
 * Source: Envoy documentation, "Access logging", format strings: `%NAME%`, `%NAME(argument)%`, `%NAME(argument):N%`,
 * `%%` for a percent sign.
 *
 * @module
 */

/** A format that cannot be compiled. */
export class AccessFormatError extends Error {
  override readonly name = "AccessFormatError";
  /** Of the character in the format where it went wrong, from 1. */
  readonly position: number;

  constructor(message: string, format: string, position: number) {
    super(`access log format ${JSON.stringify(format)}, character ${position}: ${message}`);
    this.position = position;
  }
}

export interface OperatorToken {
  readonly kind: "operator";
  readonly name: string;
  /** Between the parentheses; undefined without parentheses. */
  readonly argument: string | undefined;
  readonly maxChars: number | undefined;
  /** From 1. */
  readonly position: number;
}

export type FormatToken = { readonly kind: "literal"; readonly text: string } | OperatorToken;

/** An argument may hold percent signs, as that of START_TIME does: it ends where `)%` or `):N%` stands. */
const OPERATOR = /%([A-Z][A-Z0-9_]*)(?:\((.*?)\))?(?::([0-9]{1,6}))?%/sy;

/** @throws {AccessFormatError} If a percent sign begins no operator. */
export function parseAccessFormat(format: string): readonly FormatToken[] {
  const tokens: FormatToken[] = [];
  let literal = "";
  for (let at = 0; at < format.length; ) {
    const percent = format.indexOf("%", at);
    literal += format.slice(at, percent < 0 ? format.length : percent);
    if (percent < 0) break;
    if (format[percent + 1] === "%") {
      literal += "%";
      at = percent + 2;
      continue;
    }
    if (literal !== "") tokens.push({ kind: "literal", text: literal });
    literal = "";
    const token = operatorAt(format, percent);
    tokens.push(token);
    at = OPERATOR.lastIndex;
  }
  if (literal !== "") tokens.push({ kind: "literal", text: literal });
  return tokens;
}

function operatorAt(format: string, index: number): OperatorToken {
  OPERATOR.lastIndex = index;
  const found = OPERATOR.exec(format);
  if (!found) {
    const wanted = "%NAME%, %NAME(argument)%, %NAME(argument):N% or %%";
    throw new AccessFormatError(`expected ${wanted}, found "${format.slice(index, index + 20)}"`, format, index + 1);
  }
  const [, name = "", argument, maxChars] = found;
  return {
    kind: "operator",
    name,
    argument,
    maxChars: maxChars === undefined ? undefined : Number(maxChars),
    position: index + 1,
  };
}
