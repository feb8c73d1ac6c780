/**
 * Access log formats compiled: a line is a list of pieces, each a literal and the value after it.
 *
 * Source: Envoy's `SubstitutionFormatString`: `text_format_source` and `json_format`. In JSON a value that is one
 * operator alone keeps its type and is `null` when unset; keys are in order, as Envoy prints them.
 * Differs: `omit_empty_values` is not supported.
 *
 * @module
 */
import { readField, type AccessField } from "./access-fields.ts";
import { parseAccessFormat } from "./access-format.ts";
import { compileOperator, type AccessConstants } from "./access-operators.ts";
import type { AccessRecord } from "./access-record.ts";
import { MAX_ESCAPE_BYTES, MAX_NUMBER_BYTES, type Escape, type LineBuffer } from "./line-buffer.ts";

/** A compiled format. */
export interface AccessLine {
  write(record: AccessRecord, out: LineBuffer): void;
  /** Most bytes of a line that are not values of unknown length. */
  readonly fixedBytes: number;
}

/** A value of `json_format`. */
export type JsonFormat =
  | string
  | number
  | boolean
  | null
  | readonly JsonFormat[]
  | { readonly [key: string]: JsonFormat };

/**
 * Compiles a text format. It ends its own line: Envoy adds no line feed either.
 *
 * @throws {AccessFormatError} If the format has an operator that is not known, with its position.
 */
export function textLine(format: string, constants: AccessConstants): AccessLine {
  const pieces = new Pieces();
  for (const token of parseAccessFormat(format)) {
    if (token.kind === "literal") pieces.literal(token.text);
    else pieces.field(compileOperator(token, format, constants), "text");
  }
  return pieces.line();
}

/**
 * Compiles a JSON format; each line is one value, in practice an object, and ends with a line feed.
 *
 * @throws {AccessFormatError} If a string in it has an operator that is not known, with its position in that string.
 */
export function jsonLine(format: JsonFormat, constants: AccessConstants): AccessLine {
  const pieces = new Pieces();
  jsonPieces(format, constants, pieces);
  pieces.literal("\n");
  return pieces.line();
}

/** `typed`: a whole JSON value, with quotes if it is a string. */
type Mode = Escape | "typed";

interface Piece {
  readonly literal: Uint8Array;
  /** Undefined in the last piece. */
  readonly field: AccessField | undefined;
  readonly mode: Mode;
  /** The last value: most come again. */
  last: string | undefined;
  /** As it was written, once it came twice in a row. */
  lastBytes: Uint8Array | undefined;
}

/** Longer values are not kept. */
const MAX_KEPT_CHARS = 256;
const encoder = new TextEncoder();
const DASH = encoder.encode("-");
const NULL = encoder.encode("null");
const QUOTE = encoder.encode('"');

/** Collects pieces; literals that follow each other become one. */
class Pieces {
  readonly #pieces: Piece[] = [];
  #literal = "";
  #fixedBytes = 0;

  literal(text: string): void {
    this.#literal += text;
  }

  field(field: AccessField, mode: Mode): void {
    this.#end(field, mode);
    this.#fixedBytes += MAX_NUMBER_BYTES;
  }

  line(): AccessLine {
    this.#end(undefined, "text");
    const pieces = this.#pieces;
    return {
      fixedBytes: this.#fixedBytes,
      write(record, out) {
        for (const piece of pieces) writePiece(piece, record, out);
      },
    };
  }

  #end(field: AccessField | undefined, mode: Mode): void {
    const literal = encoder.encode(this.#literal);
    this.#pieces.push({ literal, field, mode, last: undefined, lastBytes: undefined });
    this.#fixedBytes += literal.length;
    this.#literal = "";
  }
}

function writePiece(piece: Piece, record: AccessRecord, out: LineBuffer): void {
  out.literal(piece.literal);
  if (piece.field === undefined) return;
  const value = readField(piece.field, record);
  if (typeof value === "number") out.number(value);
  else if (value === undefined) out.literal(piece.mode === "typed" ? NULL : DASH);
  else writeString(piece, piece.field, value, out);
}

function writeString(piece: Piece, field: AccessField, value: string, out: LineBuffer): void {
  const { mode } = piece;
  if (mode === "typed") out.literal(QUOTE);
  if (value !== piece.last) {
    piece.last = value.length <= MAX_KEPT_CHARS ? value : undefined;
    piece.lastBytes = undefined;
    out.value(value, escapeOf(mode), field.maxChars);
  } else if (piece.lastBytes !== undefined && piece.lastBytes.length <= out.room) {
    out.literal(piece.lastBytes);
  } else {
    writeAndKeep(piece, field, value, out);
  }
  if (mode === "typed") out.literal(QUOTE);
}

function writeAndKeep(piece: Piece, { maxChars }: AccessField, value: string, out: LineBuffer): void {
  const whole = value.length * MAX_ESCAPE_BYTES <= out.room;
  const from = out.length;
  out.value(value, escapeOf(piece.mode), maxChars);
  if (whole) piece.lastBytes = out.bytes.slice(from, out.length);
}

const escapeOf = (mode: Mode): Escape => (mode === "text" ? "text" : "json");

function jsonPieces(format: JsonFormat, constants: AccessConstants, pieces: Pieces): void {
  if (typeof format === "string") return jsonString(format, constants, pieces);
  if (typeof format !== "object" || format === null) return pieces.literal(JSON.stringify(format));
  if (isList(format)) {
    bracketed("[", "]", format, pieces, (item) => jsonPieces(item, constants, pieces));
    return;
  }
  const entries = Object.entries(format).sort(([a], [b]) => (a < b ? -1 : 1));
  bracketed("{", "}", entries, pieces, ([key, value]) => {
    pieces.literal(`${JSON.stringify(key)}:`);
    jsonPieces(value, constants, pieces);
  });
}

const isList = (format: JsonFormat & object): format is readonly JsonFormat[] => Array.isArray(format);

function bracketed<T>(
  open: string,
  close: string,
  items: readonly T[],
  pieces: Pieces,
  write: (item: T) => void,
): void {
  pieces.literal(open);
  for (const [i, item] of items.entries()) {
    if (i > 0) pieces.literal(",");
    write(item);
  }
  pieces.literal(close);
}

function jsonString(format: string, constants: AccessConstants, pieces: Pieces): void {
  const tokens = parseAccessFormat(format);
  const [only] = tokens;
  if (only?.kind === "operator" && tokens.length === 1) {
    pieces.field(compileOperator(only, format, constants), "typed");
    return;
  }
  pieces.literal('"');
  for (const token of tokens) {
    if (token.kind === "literal") pieces.literal(JSON.stringify(token.text).slice(1, -1));
    else pieces.field(compileOperator(token, format, constants), "json");
  }
  pieces.literal('"');
}
